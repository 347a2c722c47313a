/** Says changes of state to a screen reader: read, refused, gone, back. */
import { effect, untracked } from "@preact/signals";
import { outage } from "../../api/connection";
import { Problem } from "../../api/problem";
import { words } from "../../i18n";
import { rhythmOf } from "../../panels/findings/rhythm";
import { announce } from "../../ui/announce";
import { activeTab } from "./state";

export function announceStates(): void {
  let before = "";
  effect(() => {
    const tab = activeTab.value;
    if (tab === null) return;
    const state = `${tab.id} ${tab.trace.state} ${tab.answer.state}`;
    if (state === before) return;
    before = state;
    const sentence = untracked(() => sentenceOf(tab));
    announce(sentence);
  });
  let wasLost = false;
  effect(() => {
    const isLost = outage.value !== null;
    // The banner itself is an alert, so only the end needs a sentence.
    if (wasLost && !isLost) announce(words.value.states.online);
    wasLost = isLost;
  });
}

function sentenceOf(tab: NonNullable<typeof activeTab.value>): string {
  const { panels, states } = words.value;
  if (tab.answer.state === "ready") {
    return states.ready(tab.name, rhythmOf(tab.answer.value) ?? panels.notJudged);
  }
  if (tab.answer.state === "failed") {
    const { error } = tab.answer;
    return states.failed(error instanceof Problem ? error.title : states.offlineTitle);
  }
  return tab.trace.state === "ready" ? states.model : states.reading;
}

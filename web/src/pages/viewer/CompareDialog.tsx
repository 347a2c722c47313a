/**
 * The recording on the page compared with another opened one, the one that was recorded earlier
 * first. Without both dates, the one on the page is taken as the later.
 */
import { useSignal } from "@preact/signals";
import { words } from "../../i18n";
import { Compare, type Compared } from "../../panels/compare/Compare";
import { Dialog } from "../../ui/Dialog";
import { closeDialog } from "./dialogs";
import { byRecordingDate, isRecordedBefore } from "./recorded";
import { activeTab, personOf, type Tab, tabs } from "./state";

export function CompareDialog() {
  const chosen = useSignal<number | null>(null);
  const active = activeTab.value;
  const others = byRecordingDate(
    tabs.value.filter((tab) => tab.id !== active?.id && tab.answer.state === "ready"),
    dateOf,
  );
  const last = others.findLast(
    (tab) => active === null || !isRecordedBefore(dateOf(active), dateOf(tab)),
  );
  const other = others.find((tab) => tab.id === chosen.value) ?? last ?? others[0] ?? null;
  const isLater =
    active !== null && other !== null && isRecordedBefore(dateOf(active), dateOf(other));
  const [before, after] = (isLater ? [active, other] : [other, active]).map(comparedOf);
  return (
    <Dialog title={words.value.panels.compare} onClose={closeDialog} wide>
      {others.length > 1 && (
        <div class="segmented compare-choice">
          {others.map((tab) => (
            <button
              key={tab.id}
              type="button"
              aria-pressed={tab.id === other?.id}
              onClick={() => {
                chosen.value = tab.id;
              }}
            >
              {tab.name}
            </button>
          ))}
        </div>
      )}
      {before && after && <Compare before={before} after={after} />}
    </Dialog>
  );
}

function dateOf(tab: Tab): string | null {
  return personOf(tab).recordingDate;
}

function comparedOf(tab: Tab | null): Compared | null {
  return tab?.answer.state === "ready" ? { name: tab.name, answer: tab.answer.value } : null;
}

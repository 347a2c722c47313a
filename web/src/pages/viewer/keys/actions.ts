/** What each key does. An action returns whether it did anything; if not, the browser has the key. */

import { FILTERS } from "../../../ecg/filter";
import { PAPER_LAYOUTS } from "../../../ecg/layout";
import { areBeatsOverlaid, dockPart } from "../../../panels/Dock";
import { GAINS, SPEEDS, type Tool } from "../../../paper/props";
import { openDialog } from "../dialogs";
import { EXPORT_BUTTON } from "../export/ExportMenu";
import { chooseNext, turnOff } from "../pointing";
import { activeTab, caliper, display, selectTab, tabs, tool } from "../state";

type Action = (target: Element) => boolean;

export const ACTIONS: Readonly<Record<string, Action>> = {
  "?": dialog("help"),
  o: dialog("open"),
  l: withTrace(() => show({ layout: after(PAPER_LAYOUTS, display.value.layout) })),
  s: withTrace(() => show({ speed: after(SPEEDS, display.value.speed) })),
  g: withTrace(() => show({ gain: after(GAINS, display.value.gain) })),
  f: withTrace(() => show({ filter: after(FILTERS, display.value.filter) })),
  r: withTrace((leads) => show({ rhythmLead: after(leads, display.value.rhythmLead) })),
  c: withTrace(() => choose("caliper")),
  m: withTrace(() => choose("march")),
  x: withTrace(() => choose("crop")),
  b: withTrace(() => {
    dockPart.value = "beats";
    areBeatsOverlaid.value = !areBeatsOverlaid.value;
  }),
  j: () => chooseNext(1),
  k: () => chooseNext(-1),
  e: () => clickOn(`#${EXPORT_BUTTON}`),
  Escape: () => {
    if (tool.value === "pan" && caliper.value === null) return turnOff();
    tool.value = "pan";
    caliper.value = null;
    return true;
  },
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((at) => [String(at), () => toTab(at - 1)])),
};

function dialog(name: "help" | "open"): Action {
  return () => {
    openDialog.value = name;
    return true;
  };
}

function withTrace(act: (leads: readonly string[]) => void): Action {
  return () => {
    const trace = activeTab.value?.trace;
    if (trace?.state !== "ready") return false;
    act(trace.value.leadNames);
    return true;
  };
}

function show(changes: Partial<typeof display.value>): void {
  display.value = { ...display.value, ...changes };
}

function choose(chosen: Tool): void {
  tool.value = tool.value === chosen ? "pan" : chosen;
}

/** The one after another; the first one after what is none of them. */
function after<T, Each extends T>(all: readonly Each[], current: T): T {
  return all[(all.indexOf(current as Each) + 1) % all.length] ?? current;
}

function toTab(at: number): boolean {
  const tab = tabs.value[at];
  if (tab === undefined) return false;
  selectTab(tab.id);
  return true;
}

function clickOn(selector: string): boolean {
  const element = document.querySelector<HTMLButtonElement>(selector);
  element?.click();
  return element !== null;
}

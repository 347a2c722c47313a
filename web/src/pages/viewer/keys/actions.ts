/** What each key does. An action returns whether it did anything; if not, the browser has the key. */

import { areBeatsOverlaid, dockPart } from "../../../panels/Dock";
import type { FilterName, GainMmMv, LayoutName, SpeedMmS, Tool } from "../../../paper/props";
import { openDialog } from "../dialogs";
import { EXPORT_BUTTON } from "../export/ExportMenu";
import { activeTab, caliper, display, pointed, selectTab, tabs, tool } from "../state";

type Action = (target: Element) => boolean;

const LAYOUTS: readonly LayoutName[] = ["3x4", "6x2", "12x1", "cabrera"];
const SPEEDS: readonly SpeedMmS[] = [25, 50];
const GAINS: readonly GainMmMv[] = [5, 10, 20];
const FILTERS: readonly FilterName[] = ["off", "0.05-150", "0.05-40"];

export const ACTIONS: Readonly<Record<string, Action>> = {
  "?": dialog("help"),
  "/": () => focusOn("[data-search]"),
  o: dialog("open"),
  l: withTrace(() => show({ layout: after(LAYOUTS, display.value.layout) })),
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
  j: () => point(1),
  k: () => point(-1),
  e: () => clickOn(`#${EXPORT_BUTTON}`),
  Escape: () => {
    if (tool.value === "pan" && caliper.value === null) return false;
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

function after<T>(all: readonly T[], current: T): T {
  return all[(all.indexOf(current) + 1) % all.length] ?? current;
}

function toTab(at: number): boolean {
  const tab = tabs.value[at];
  if (tab === undefined) return false;
  selectTab(tab.id);
  return true;
}

/** Point at the next finding; the first one where none is pointed at. */
function point(step: 1 | -1): boolean {
  const answer = activeTab.value?.answer;
  const findings = answer?.state === "ready" ? (answer.value.findings ?? []) : [];
  if (findings.length === 0) return false;
  const at = pointed.value === null ? -1 : findings.indexOf(pointed.value);
  const start = at < 0 ? (step > 0 ? 0 : findings.length - 1) : at + step;
  pointed.value = findings[(start + findings.length) % findings.length] ?? null;
  return true;
}

function focusOn(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.focus();
  return element !== null;
}

function clickOn(selector: string): boolean {
  const element = document.querySelector<HTMLButtonElement>(selector);
  element?.click();
  return element !== null;
}

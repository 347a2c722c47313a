// @vitest-environment happy-dom
import { expect, test } from "vitest";
import type { Quality } from "../../api/answer";
import { poorLeads, qualityRows } from "./qualityRows";

const WANDER = { code: "baseline_wander", value: 1.26 };
const HUM = { code: "mains_hum", value: 0.12 };

/** Lead -> its faults. */
function quality(leads: Readonly<Record<string, readonly (typeof WANDER)[]>>): Quality {
  const entries = Object.entries(leads).map(([lead, faults]) => {
    const findings = faults.map((fault) => ({
      ...fault,
      lead,
      limit: 0.1,
      advice: "",
      electrodes: [],
    }));
    return [lead, { word: "Poor" as const, findings }] as const;
  });
  return {
    signal_quality: "Poor",
    readable: true,
    probability_readable: 0.9,
    leads: Object.fromEntries(entries),
    findings: [],
    recommendation: "",
  };
}
const shown = (of: Quality) => qualityRows(of).map((row) => [row.statement, row.value]);

test("the value of a single fault is at the right of its row", () => {
  expect(shown(quality({ V4: [HUM] }))).toEqual([["V4: mains hum", "0.12 mV"]]);
});

test("of several faults each has its own value beside it", () => {
  const both = quality({ V4: [WANDER, HUM] });
  const text = "baseline wanders 1.26 mV, mains hum 0.12 mV";
  expect(shown(both)).toEqual([[`V4: ${text}`, ""]]);
  expect(poorLeads(both)).toEqual([{ lead: "V4", reason: text }]);
});

test("several leads have no common value", () => {
  const leads = quality({ V4: [WANDER, HUM], V5: [WANDER, HUM] });
  expect(shown(leads)).toEqual([["V4, V5: baseline wanders, mains hum", ""]]);
});

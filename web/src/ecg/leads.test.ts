import { expect, test } from "vitest";
import { leadsOf } from "./leads";

function recordingOf(values: Readonly<Record<string, readonly number[]>>) {
  const leads = new Map(Object.entries(values).map(([name, of]) => [name, Float32Array.from(of)]));
  return { fs: 500, samples: 2, leadNames: Object.keys(values), leads };
}

/** I and II of two samples, and the four leads that they give (Einthoven, Goldberger). */
const LIMB = {
  I: [1, 0.5],
  II: [0.5, -1],
  III: [-0.5, -1.5],
  aVR: [-0.75, 0.25],
  aVL: [0.75, 1],
  aVF: [0, -1.25],
};

test.each([
  ["I", "II"],
  ["I", "III"],
  ["II", "aVL"],
  ["aVR", "aVF"],
  ["aVL", "aVF"],
] as const)("%s and %s give the other four limb leads, marked as derived", (one, two) => {
  const leads = leadsOf(recordingOf({ [two]: LIMB[two], [one]: LIMB[one] }));
  expect([...leads.keys()]).toEqual(Object.keys(LIMB));
  for (const [name, values] of Object.entries(LIMB)) {
    expect([...(leads.get(name)?.samples ?? [])]).toEqual(values.map((v) => expect.closeTo(v, 6)));
    expect(leads.get(name)?.derived).toBe(name !== one && name !== two);
  }
});

test("one limb lead gives no other, a gap stays a gap, other names come last", () => {
  expect([...leadsOf(recordingOf({ X: [1, 1], V1: [1, 1], II: [1, 1] })).keys()]).toEqual([
    "II",
    "V1",
    "X",
  ]);
  const leads = leadsOf(recordingOf({ I: [Number.NaN, 1], II: [1, 1] }));
  expect([...(leads.get("III")?.samples ?? [])]).toEqual([Number.NaN, 0]);
});

import { expect, test } from "vitest";
import { type Layout, type LayoutName, layoutOf, rowBoxes } from "./layout";
import { CHEST, LIMB, STANDARD } from "./leads";

function text(layout: Layout): string[] {
  return layout.rows.map(({ places }) =>
    places
      .map((place) => (place === null ? "." : (place.sign < 0 ? "-" : "") + place.lead))
      .join(" "),
  );
}

test.each<[LayoutName, string[]]>([
  ["3x4", ["I aVR V1 V4", "II aVL V2 V5", "III aVF V3 V6", "II"]],
  ["6x2", ["I V1", "II V2", "III V3", "aVR V4", "aVL V5", "aVF V6"]],
  ["12x1", [...STANDARD]],
  ["cabrera", ["aVL II V1 V4", "I aVF V2 V5", "-aVR III V3 V6", "II"]],
  ["limb", ["I aVR", "II aVL", "III aVF"]],
  ["chest", ["V1 V4", "V2 V5", "V3 V6"]],
  ["rhythm", ["II"]],
])("%s places twelve leads", (name, rows) => {
  expect(text(layoutOf(name, STANDARD, "II"))).toEqual(rows);
});

test("fewer leads leave out empty columns, and up to three are strips", () => {
  expect(text(layoutOf("3x4", LIMB, "aVF"))).toEqual(["I aVR", "II aVL", "III aVF", "aVF"]);
  expect(text(layoutOf("3x4", ["II", "V1"], "V5"))).toEqual(["II", "V1"]);
  expect(text(layoutOf("chest", LIMB, "II"))).toEqual(LIMB);
  const hidden = STANDARD.filter((lead) => lead !== "V2");
  expect(text(layoutOf("3x4", hidden, "V5"))[1]).toBe("II aVL . V5");
});

test("leads of other names are strips below", () => {
  expect(text(layoutOf("6x2", [...LIMB, ...CHEST, "V7"], "II")).at(-1)).toBe("V7");
});

test("rows share a height by need", () => {
  const small = { up: 5, down: 5 };
  const boxes = rowBoxes([small, { up: 40, down: 10 }, small, small], 110);
  expect(boxes.map(({ height }) => height)).toEqual([20, 50, 20, 20]);
  expect(boxes.map(({ top }) => top)).toEqual([0, 20, 70, 90]);
  expect(boxes[1]?.baseline).toBe(20 + 50 * 0.75);
  // Room for a pulse of 10 mm.
  expect(boxes[0]?.baseline).toBe(11);
});

test("rows that need more than there is overlap, and many rows are taller than the screen", () => {
  const deep = { up: 30, down: 30 };
  expect(rowBoxes([deep, deep], 60).map(({ height }) => height)).toEqual([30, 30]);
  const rows = rowBoxes(
    Array.from({ length: 12 }, () => deep),
    100,
  );
  expect(rows.map(({ height }) => height)).toEqual(Array.from({ length: 12 }, () => 12));
});

import { expect, test } from "vitest";
import { thumbnailPath } from "./thumbnail";

test("lead II is drawn, its largest value at the top and its smallest at the bottom", () => {
  const record = {
    signal: [
      [9, 9, 9, 9],
      [0, 1, 0, -1],
    ],
    fs: 1,
    lead_names: ["I", "II"],
  };
  expect(thumbnailPath(record, 4, 24, 4)).toBe("M0 12.0L1 2.0L2 12.0L3 22.0");
});

test("a gap leaves out its columns, and only the first seconds are drawn", () => {
  const record = { signal: { V1: [0, null, 1, 50] }, fs: 1 };
  expect(thumbnailPath(record, 3, 24, 3)).toBe("M0 22.0L2 2.0");
  expect(thumbnailPath({ signal: [[null]], fs: 1 }, 3, 24, 3)).toBe("");
});

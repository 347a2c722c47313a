import { expect, test } from "vitest";
import { cropped } from "./crop";

const leads = new Map([
  ["I", new Float32Array([0, 1, 2, 3])],
  ["V1", new Float32Array([4, 5, Number.NaN, 7])],
]);
const recording = { fs: 2, samples: 4, leadNames: ["I", "V1"], leads };
const nobody = { age: null, sex: null };

test("a crop has the samples between its ends, gaps too", () => {
  const { signal } = cropped(recording, { fromS: 1.5, toS: 0.5 }, nobody);
  expect(signal.shape).toEqual([2, 2]);
  expect(new Float32Array(signal.data.buffer)).toEqual(new Float32Array([1, 2, 5, Number.NaN]));
});

test("it ends where the recording ends", () => {
  expect(cropped(recording, { fromS: -1, toS: 9 }, nobody).signal.shape).toEqual([2, 4]);
});

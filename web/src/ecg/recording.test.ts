import { expect, test } from "vitest";
import { recordingOf, secondsOf } from "./recording";

function answer(dtype: string, values: readonly number[], offset: number) {
  const bytes = new Uint8Array(offset + values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of values.entries()) view.setFloat32(offset + at * 4, value, true);
  const data = { dtype, shape: [2, 3], data: bytes.subarray(offset) };
  return { signal: { fs: 500, lead_names: ["I", "V1"], units: "mV", data } };
}

test("samples are read from bytes that begin anywhere, gaps as NaN", () => {
  const recording = recordingOf(answer("<f4", [1, Number.NaN, 2, -1, -2, -3], 3));
  expect(recording.leads.get("I")).toEqual(new Float32Array([1, Number.NaN, 2]));
  expect(recording.leads.get("V1")).toEqual(new Float32Array([-1, -2, -3]));
  expect(secondsOf(recording)).toBe(3 / 500);
});

test("samples of another type are refused, not misread", () => {
  expect(() => recordingOf(answer("<f8", [1, 2, 3, 4, 5, 6], 0))).toThrow("<f8");
});

import { expect, test } from "vitest";
import { tangentOf } from "./tangent";

const FS = 500;

/** A baseline, and a T wave of straight limbs from 1.24 to 1.40 s with its peak at 1.30 s. */
function triangle(height: number, offset = 0): Float32Array {
  return Float32Array.from({ length: 1000 }, (_, at) => {
    const second = at / FS;
    if (second < 1.2 || second > 1.4) return offset;
    return offset + height * (second < 1.3 ? (second - 1.2) / 0.1 : (1.4 - second) / 0.1);
  });
}

test.each([
  [0.4, 0],
  [-0.3, 0],
  [0.4, 0.7],
])("a T wave of %f mV on %f mV ends where its limb meets the baseline", (height, offset) => {
  const tangent = tangentOf(triangle(height, offset), FS, 0.96, 1, 1.8);
  expect(tangent?.endS).toBeCloseTo(1.4, 3);
  expect(tangent?.baselineMv).toBeCloseTo(offset);
  expect(tangent?.slope).toBeCloseTo(-height / 0.1, 1);
});

test("the tangent of a rounded limb meets the baseline before the limb does", () => {
  const bell = Float32Array.from(
    { length: 1000 },
    (_, at) => 0.5 * Math.exp(-(((at / FS - 1.3) / 0.05) ** 2) / 2),
  );
  // A bell's tangent at its steepest point, one sigma after the peak, meets zero at two sigmas.
  expect(tangentOf(bell, FS, 0.96, 1, null)?.endS).toBeCloseTo(1.4, 2);
});

test("without a T wave, or in a gap, there is no tangent", () => {
  expect(tangentOf(triangle(0.02), FS, 0.96, 1, 1.8)).toBeNull();
  expect(tangentOf(new Float32Array(1000).fill(Number.NaN), FS, 0.96, 1, 1.8)).toBeNull();
});

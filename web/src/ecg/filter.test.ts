import { expect, test } from "vitest";
import { filtered } from "./filter";

const FS = 500;

function wave(hz: number, seconds = 10): Float32Array {
  return Float32Array.from({ length: seconds * FS }, (_, at) =>
    Math.sin((2 * Math.PI * hz * at) / FS),
  );
}

/** The amplitude that is left in the middle, at the wave's own frequency and phase. */
function gain(hz: number, out: Float32Array): number {
  const whole = wave(hz, out.length / FS);
  let [sum, norm] = [0, 0];
  for (let at = 2 * FS; at < out.length - 2 * FS; at++) {
    sum += (out[at] ?? 0) * (whole[at] ?? 0);
    norm += (whole[at] ?? 0) ** 2;
  }
  return sum / norm;
}

test("what is off returns the samples themselves", () => {
  const samples = wave(5);
  expect(filtered(samples, FS, "off", "off")).toBe(samples);
});

test("a cut-off halves the amplitude, both ways together, and keeps the phase", () => {
  expect(gain(40, filtered(wave(40), FS, "0.05-40", "off"))).toBeCloseTo(0.5, 2);
  expect(gain(150, filtered(wave(150), FS, "0.05-150", "off"))).toBeCloseTo(0.5, 2);
  expect(gain(5, filtered(wave(5), FS, "0.05-40", "off"))).toBeCloseTo(1, 2);
  expect(gain(150, filtered(wave(150), FS, "0.05-40", "off"))).toBeLessThan(0.01);
});

test("the notch takes the mains and nothing beside it", () => {
  for (const [mains, hz] of [
    ["50", 50],
    ["60", 60],
  ] as const) {
    expect(Math.abs(gain(hz, filtered(wave(hz), FS, "off", mains)))).toBeLessThan(0.01);
    expect(gain(30, filtered(wave(30), FS, "off", mains))).toBeCloseTo(1, 1);
  }
});

test("a constant offset goes, without a step at the ends", () => {
  const samples = wave(1).map((value) => value + 3);
  const shown = filtered(samples, FS, "0.05-150", "off");
  expect(
    Math.max(...shown.map((value, at) => Math.abs(value - (samples[at] ?? 0) + 3))),
  ).toBeLessThan(0.1);
});

test("gaps stay gaps, and nothing beside them is lost", () => {
  const samples = wave(5);
  samples.fill(Number.NaN, 0, 100).fill(Number.NaN, 2000, 2500);
  const shown = filtered(samples, FS, "0.05-40", "50");
  expect([...shown].map(Number.isNaN)).toEqual([...samples].map(Number.isNaN));
  const empty = new Float32Array(100).fill(Number.NaN);
  expect([...filtered(empty, FS, "0.05-40", "50")].every(Number.isNaN)).toBe(true);
});

test("a cut-off beyond the sampling rate is left out", () => {
  const samples = Float32Array.from({ length: 1000 }, (_, at) => Math.sin(at / 5));
  expect(filtered(samples, 100, "off", "50")).toBe(samples);
});

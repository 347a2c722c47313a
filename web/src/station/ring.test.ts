import { expect, test } from "vitest";
import { StripRing } from "./ring";
import { millivolts } from "./samples";

const START_MS = 1_764_000_000_000;

function ramp(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

function read(ring: StripRing, count: number): number[] {
  return ramp(ring.end - count, count).map((place) => ring.at(place));
}

test("pieces follow each other, though their times are whole milliseconds", () => {
  const ring = new StripRing(125, 4);
  // 125 samples take 1000 ms; a clock that is 12 ms off does not leave a gap.
  for (const [second, shift] of [0, 12, -12, 3].entries())
    ring.write(START_MS + second * 1000 + shift, ramp(second * 125, 125));
  expect(read(ring, 500)).toEqual(ramp(0, 500));
  expect(ring.newestMs).toBe(START_MS + 4000);
});

test("the oldest samples make room, and gaps are NaN", () => {
  const ring = new StripRing(125, 2);
  ring.write(START_MS, ramp(0, 125));
  ring.write(START_MS + 1000, [1, Number.NaN, 3]);
  expect(read(ring, 3)).toEqual([1, Number.NaN, 3]);
  ring.write(START_MS + 2000, ramp(0, 10));
  expect(ring.at(ring.end - 11)).toBeNaN();
  expect(ring.at(ring.end)).toBeNaN();
  expect(ring.at(ring.end - 256)).not.toBeNaN();
  expect(ring.at(ring.end - 257)).toBeNaN();
});

test("a piece that comes late or twice is written where it belongs", () => {
  const ring = new StripRing(125, 4);
  ring.write(START_MS, ramp(0, 125));
  ring.write(START_MS + 2000, ramp(250, 125));
  ring.write(START_MS + 1000, ramp(125, 125));
  ring.write(START_MS + 1000, ramp(125, 125));
  expect(read(ring, 375)).toEqual(ramp(0, 375));
  ring.write(START_MS - 60_000, ramp(900, 125));
  expect(read(ring, 375)).toEqual(ramp(0, 375));
});

test("a jump over more than the ring leaves nothing old behind", () => {
  const ring = new StripRing(125, 2);
  ring.write(START_MS, ramp(0, 250));
  ring.write(START_MS + 3_600_000, [7]);
  expect(read(ring, 256).filter((value) => !Number.isNaN(value))).toEqual([7]);
});

test("the extent is that of the samples that are there", () => {
  const ring = new StripRing(125, 4);
  expect(ring.extent(2)).toBeNull();
  ring.write(START_MS, [9, ...ramp(0, 124)]);
  ring.write(START_MS + 1000, [Number.NaN, -1, 2]);
  expect(ring.extent(3 / 125)).toEqual({ low: -1, high: 2 });
  expect(ring.extent(60)).toEqual({ low: -1, high: 123 });
});

test("samples are sent as int16 in base64, with a value for gaps", () => {
  const bytes = Uint8Array.from([0xf4, 0x01, 0x00, 0x80, 0x18, 0xfc]);
  const sent = btoa(String.fromCharCode(...bytes));
  expect([...millivolts(sent, 1000, -32768)]).toEqual([0.5, Number.NaN, -1]);
});

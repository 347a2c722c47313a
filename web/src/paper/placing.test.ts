import { beforeEach, expect, test } from "vitest";
import { layoutOf } from "../ecg/layout";
import { prepared } from "../ecg/prepare";
import { geometryOf, type View } from "./draw/geometry";
import type { Picture } from "./draw/picture";
import { placingOn } from "./placing";
import type { Caliper, Span, Tool } from "./props";
import { START } from "./view";

const FS = 500;
const SAMPLES = new Float32Array(60 * FS);
const LAYOUT = layoutOf("rhythm", ["II"], "II");

/** One lead on paper of 4 px a mm: 100 px a second, after a margin of 40 px. */
function picture(view: View): Picture {
  const sheet = {
    width: 1056,
    height: 200,
    pxPerMm: 4,
    above: 0,
    below: 0,
    speed: 25,
    gain: 10,
    totalS: 60,
    layout: LAYOUT,
    needs: [{ up: 8, down: 8 }],
  };
  const lead = {
    name: "II",
    samples: SAMPLES,
    derived: false,
    index: 0,
    ...prepared(SAMPLES, FS, { filter: "off", notch: "off" }),
  };
  return {
    geometry: geometryOf(sheet, view),
    leads: new Map([["II", lead]]),
    fs: FS,
    ratio: 1,
    reversed: new Set<string>(),
  } as unknown as Picture;
}

const screen = { picture: picture(START) };
let tool: Tool = "caliper";
let caliper: Caliper | null = null;
let crop: Span | null = null;
let hasLoupe = false;
const desk = {
  tool: () => tool,
  beats: () => [],
  setCaliper: (placed: Caliper) => {
    caliper = placed;
  },
  setCrop: (span: Span) => {
    crop = span;
  },
  setLoupe: (spot: unknown) => {
    hasLoupe = spot !== null;
  },
};
/** The place of a second of the first page. */
const at = (second: number, isTouch = false) => ({
  x: 40 + 100 * second,
  y: 100,
  free: true,
  isTouch,
});
const seconds = () => [caliper?.fromS, caliper?.toS];

beforeEach(() => {
  screen.picture = picture(START);
  [tool, caliper, crop, hasLoupe] = ["caliper", null, null, false];
});

test("between two clicks the view may move", () => {
  const placing = placingOn(screen, desk);
  placing.start(at(2));
  placing.end(at(2), true);
  screen.picture = picture({ ...START, fromS: 10 });
  placing.start(at(3));
  placing.end(at(3), true);
  expect(seconds()).toEqual([2, 13]);
});

test("a drag after a click begins anew", () => {
  const placing = placingOn(screen, desk);
  placing.start(at(1));
  placing.end(at(1), true);
  placing.start(at(4));
  placing.drag(at(5));
  placing.end(at(5), false);
  expect(seconds()).toEqual([4, 5]);
});

test("a second click is awaited with the tool of the first one only", () => {
  const placing = placingOn(screen, desk);
  placing.start(at(1));
  placing.end(at(1), true);
  tool = "pan";
  caliper = null;
  placing.hover(at(3));
  expect(caliper).toBeNull();
  tool = "crop";
  placing.hover(at(4));
  expect(crop).toBeNull();
});

test("a long press while panning places, and awaits no click", () => {
  tool = "pan";
  const placing = placingOn(screen, desk);
  placing.start(at(1, true));
  placing.drag(at(2, true));
  placing.end(at(2, true), false);
  placing.start(at(3, true));
  placing.end(at(3, true), true);
  placing.hover(at(5));
  expect(seconds()).toEqual([3, 3]);
});

test("what is given up leaves no loupe and awaits nothing", () => {
  const placing = placingOn(screen, desk);
  placing.start(at(1, true));
  expect(hasLoupe).toBe(true);
  placing.cancel();
  placing.hover(at(3));
  expect([hasLoupe, caliper]).toEqual([false, null]);
});

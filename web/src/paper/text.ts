/** What the paper says, in the person's language. */
import { number, words } from "../i18n";
import type { Words } from "./draw/caliper";
import type { Measured } from "./draw/measure";
import type { BeatMark } from "./props";

export function caliperText({ name, ms, perMinute, mv }: Measured): string {
  const { intervals } = words.value.paper;
  const parts = [`${name === null ? "" : `${intervals[name]} `}${number(ms)} ms`];
  if (perMinute !== null) parts.push(`${number(perMinute, 1)}/min`);
  if (mv !== null) parts.push(`${number(mv, 2)} mV`);
  return parts.join(" · ");
}

export const PAPER_WORDS: Words = {
  caliper: caliperText,
  signedMs: (ms) => (Math.round(ms) > 0 ? `+${number(ms)}` : number(Math.round(ms))),
  seconds: (seconds) => words.value.paper.seconds(number(seconds, 2)),
};

export function milliseconds(seconds: number): string {
  return `${number(seconds * 1000)} ms`;
}

/** "Beat 3: PR 146 ms, QRS 98 ms, QT 380 ms" */
export function beatText(beats: readonly BeatMark[], at: number): string {
  const { paper } = words.value;
  const beat = beats[at];
  if (beat === undefined) return "";
  const before = beats[at - 1];
  const waves = [
    [paper.intervals.RR, before?.r ?? null, beat.r],
    [paper.intervals.PR, beat.pOnset, beat.qrsOnset],
    [paper.intervals.QRS, beat.qrsOnset, beat.qrsOffset],
    [paper.intervals.QT, beat.qrsOnset, beat.tOffset],
  ] as const;
  const known = waves.flatMap(([name, from, to]) =>
    from === null || to === null ? [] : [`${name} ${milliseconds(to - from)}`],
  );
  return paper.beat(number(at + 1), known.join(", "));
}

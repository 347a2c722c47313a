/** The signal and the beats around a moment, as the paper draws them. */
import type { Recording } from "../../../ecg/recording";
import type { BeatMark } from "../../../paper/props";
import type { FoundBeat, WaveformPart, Waveforms } from "../../../station/api";

export interface Stretch {
  readonly patient: string;
  /** By the device's clock. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Null where no signal is stored. */
  readonly recording: Recording | null;
  readonly beats: readonly BeatMark[];
  /** Whether a part has been moved to the archive. */
  readonly archived: boolean;
}

/** Stretches begin at whole steps, so that a moment may move a little within one. */
const STEP_MS = 20_000;
const BEFORE_MS = 20_000;
const AFTER_MS = 20_000;

/** The step in which a moment lies. */
export function stepOf(ms: number): number {
  return Math.floor(ms / STEP_MS);
}

export function spanOf(step: number): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: step * STEP_MS - BEFORE_MS, toMs: (step + 1) * STEP_MS + AFTER_MS };
}

/** Put together what was read. Of several sources, the part with the most samples is shown. */
export function stretchOf(
  patient: string,
  { fromMs, toMs }: ReturnType<typeof spanOf>,
  { waveforms, archived }: Waveforms,
  beats: readonly FoundBeat[],
): Stretch {
  const known = (part: WaveformPart) => part.leads.length * (part.signal[0]?.length ?? 0);
  const best = [...waveforms].sort((one, other) => known(other) - known(one))[0];
  const marks = beats
    .filter(({ source }) => source === best?.source)
    .map((beat) => markOf(beat, fromMs));
  const recording = best === undefined ? null : recordingOf(best, fromMs);
  return { patient, fromMs, toMs, recording, beats: marks, archived };
}

/** The recording begins with the stretch, with a gap up to the first sample. */
function recordingOf(part: WaveformPart, fromMs: number): Recording {
  const first = Math.max(0, Math.round(((part.start_ms - fromMs) * part.fs) / 1000));
  const samples = first + (part.signal[0]?.length ?? 0);
  const leads = new Map<string, Float32Array>();
  for (const [row, name] of part.leads.entries()) {
    const values = new Float32Array(samples).fill(Number.NaN);
    part.signal[row]?.forEach((value, at) => {
      if (value !== null) values[first + at] = value;
    });
    leads.set(name, values);
  }
  return { fs: part.fs, samples, leadNames: part.leads, leads };
}

function markOf(beat: FoundBeat, fromMs: number): BeatMark {
  return {
    r: (beat.at_ms - fromMs) / 1000,
    pOnset: null,
    pOffset: null,
    qrsOnset: null,
    qrsOffset: null,
    tOffset: null,
    kind: beat.class === "N" ? "normal" : beat.class === "Q" ? "noisy" : "ectopic",
    label: beat.class,
  };
}

const SHOWN_FIRST = ["II", "V1"];
const MOST_LEADS = 2;

/** The leads that a low strip leaves out: all but two. */
export function leadsBeyond(leadNames: readonly string[]): ReadonlySet<string> {
  const order = [
    ...SHOWN_FIRST.filter((name) => leadNames.includes(name)),
    ...leadNames.filter((name) => !SHOWN_FIRST.includes(name)),
  ];
  return new Set(order.slice(MOST_LEADS));
}

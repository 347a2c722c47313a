/**
 * The sounds of alarms, as IEC 60601-1-8 describes those of the heart: bursts of a rising chord, of
 * three notes at medium priority, of five, twice, at high. The notes are those of annex F, as Chris
 * Thompson's page of the University of Sydney lists them; the times lie in the ranges of the
 * standard's tables 3 and 4, which were not read here.
 */

export type SoundOf = "high" | "medium" | "low";

/** A note: when it begins after the burst's start, how long it lasts, how high it is. */
export interface Note {
  readonly atS: number;
  readonly lastsS: number;
  readonly hz: number;
}

export interface Burst {
  readonly notes: readonly Note[];
  /** From one burst's start to that of the next. */
  readonly everyS: number;
}

/** C4, E4, G4 and C5 of the equal temperament. */
const [C4, E4, G4, C5] = [261.63, 329.63, 392, 523.25] as const;

function notes(pitches: readonly number[], fromS: number, everyS: number, lastsS: number): Note[] {
  return pitches.map((hz, at) => ({ atS: fromS + at * everyS, lastsS, hz }));
}

/** Three notes, a rest, two notes. */
function five(fromS: number): Note[] {
  return [...notes([C4, E4, G4], fromS, 0.2, 0.15), ...notes([G4, C5], fromS + 0.75, 0.2, 0.15)];
}

export const BURSTS: Readonly<Record<SoundOf, Burst>> = {
  high: { notes: [...five(0), ...five(1.65)], everyS: 8 },
  medium: { notes: notes([C4, E4, G4], 0, 0.4, 0.2), everyS: 12 },
  low: { notes: notes([E4, C4], 0, 0.4, 0.2), everyS: 30 },
};

/** The most urgent of what is to be heard; null for silence. */
export function mostUrgent(all: Iterable<SoundOf>): SoundOf | null {
  const heard = new Set(all);
  return (["high", "medium", "low"] as const).find((each) => heard.has(each)) ?? null;
}

/** Says when the next burst begins. A more urgent one interrupts the wait for a less urgent one. */
export class SoundClock {
  private last: { readonly of: SoundOf; readonly atS: number } | null = null;

  /** Return what begins to sound now, or null. */
  next(wanted: SoundOf | null, nowS: number): SoundOf | null {
    if (wanted === null) {
      this.last = null;
      return null;
    }
    const { last } = this;
    const isDue =
      last === null ||
      nowS - last.atS >= BURSTS[wanted].everyS ||
      (last.of !== wanted && mostUrgent([last.of, wanted]) === wanted);
    if (!isDue) return null;
    this.last = { of: wanted, atS: nowS };
    return wanted;
  }
}

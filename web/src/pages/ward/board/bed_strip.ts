/** The strip of one bed: its newest seconds, when they are drawn, and the classes of its beats. */
import type { BeatClass, FoundBeat, StripPiece } from "../../../station/api";
import { StripRing } from "../../../station/ring";
import { StripClock } from "../../../station/strip_clock";

export interface LabelledBeat {
  readonly atMs: number;
  readonly label: BeatClass;
  readonly source: string;
}

/** The longest sweep and the longest delay. */
const KEPT_S = 24;
const KEPT_BEATS = 120;

export class BedStrip {
  readonly clock = new StripClock();
  /** Beats in the order of time. */
  beats: readonly LabelledBeat[] = [];
  lead = "";
  /** Changes whenever what has been drawn is no longer right. */
  version = 0;
  private kept: StripRing | null = null;
  private source = "";

  get ring(): StripRing | null {
    return this.kept;
  }

  take(piece: StripPiece, nowMs: number): void {
    const isOther = this.source !== piece.source || this.lead !== piece.lead;
    if (this.kept === null || this.kept.fs !== piece.fs || isOther) {
      this.kept = new StripRing(piece.fs, KEPT_S);
      this.source = piece.source;
      this.lead = piece.lead;
      // Beats may be read before the first piece.
      this.beats = this.beats.filter(({ source }) => source === piece.source);
      this.version++;
    }
    this.kept.write(piece.startMs, piece.samples);
    if (this.clock.arrived(this.kept.newestMs, nowMs)) this.version++;
  }

  /** Take beats that were classed, in the order of time. Those that are known already may be among them. */
  label(beats: readonly FoundBeat[]): void {
    const last = this.beats.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    const known = new Set(this.beats.map(({ atMs }) => atMs));
    const added = beats
      .filter(({ source }) => this.source === "" || source === this.source)
      .filter((beat) => !known.has(beat.at_ms))
      .map((beat) => ({ atMs: beat.at_ms, label: beat.class, source: beat.source }));
    if (added.length === 0) return;
    const all = [...this.beats, ...added].sort((one, other) => one.atMs - other.atMs);
    this.beats = all.slice(-KEPT_BEATS);
    // The strip has been drawn past them.
    if (added.some(({ atMs }) => atMs < last)) this.version++;
  }
}

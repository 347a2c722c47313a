/** The strip of one bed: its newest seconds, when they are drawn, and the classes of its beats. */
import type { BeatClass, FoundBeat, StripPiece } from "../../../station/api";
import { StripRing } from "../../../station/ring";
import { StripClock } from "../../../station/strip_clock";

export interface LabelledBeat {
  readonly atMs: number;
  readonly label: BeatClass;
}

/** The longest sweep and the longest delay. */
const KEPT_S = 24;
const KEPT_BEATS = 120;

export class BedStrip {
  readonly clock = new StripClock();
  /** Beats that are not normal, in the order of time. */
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
      this.beats = [];
      this.version++;
    }
    this.kept.write(piece.startMs, piece.samples);
    if (this.clock.arrived(this.kept.newestMs, nowMs)) this.version++;
  }

  /** Beats that were classed since, in the order of time. */
  label(beats: readonly FoundBeat[]): void {
    const last = this.beats.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    const added = beats
      .filter((beat) => beat.class !== "N" && beat.at_ms > last && beat.source === this.source)
      .map((beat) => ({ atMs: beat.at_ms, label: beat.class }));
    if (added.length > 0) this.beats = [...this.beats, ...added].slice(-KEPT_BEATS);
  }
}

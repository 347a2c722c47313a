/** The strip of one bed: its newest seconds, when they are drawn, and the classes of its beats. */
import type { BeatClass, StripPiece } from "../../../station/api";
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
  beats: LabelledBeat[] = [];
  lead = "";
  /** Changes whenever what has been drawn is no longer right. */
  version = 0;
  private kept: StripRing | null = null;

  get ring(): StripRing | null {
    return this.kept;
  }

  take(piece: StripPiece, nowMs: number): void {
    if (this.kept === null || this.kept.fs !== piece.fs || this.lead !== piece.lead) {
      this.kept = new StripRing(piece.fs, KEPT_S);
      this.lead = piece.lead;
      this.beats = [];
      this.version++;
    }
    this.kept.write(piece.start_ms, piece.samples);
    if (this.clock.arrived(this.kept.newestMs, nowMs)) this.version++;
    const last = this.beats.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    for (const { at_ms: atMs, label } of piece.beats) {
      if (label !== "N" && atMs > last) this.beats.push({ atMs, label });
    }
    if (this.beats.length > KEPT_BEATS) this.beats = this.beats.slice(-KEPT_BEATS);
  }
}

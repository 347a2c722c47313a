/** What the paper is told to draw. All times are seconds of the recording, all voltages mV. */

import type { Beat } from "../ecg/beats";
import type { FilterName, MainsNotch } from "../ecg/filter";
import type { LayoutName } from "../ecg/layout";
import type { Span } from "../ecg/span";

export type { FilterName, LayoutName, MainsNotch, Span };
/** mm for a second, and for a millivolt. */
export const SPEEDS = [25, 50] as const;
export const GAINS = [5, 10, 20] as const;
export type SpeedMmS = (typeof SPEEDS)[number];
export type GainMmMv = (typeof GAINS)[number];
export type Tool = "pan" | "caliper" | "march" | "crop";

/** How a person wants to see recordings. It holds for every tab and changes no measurement. */
export interface Display {
  readonly layout: LayoutName;
  readonly speed: SpeedMmS;
  readonly gain: GainMmMv;
  readonly rhythmLead: string;
  readonly filter: FilterName;
  readonly notch: MainsNotch;
  readonly hiddenLeads: ReadonlySet<string>;
  readonly reversedLeads: ReadonlySet<string>;
  /** px of CSS a millimetre; 4 unless the screen was calibrated. */
  readonly pxPerMm: number;
  readonly calibrated: boolean;
  /** Draw onset and end of the waves of every beat. */
  readonly fiducials?: boolean;
}

/** Where a finding was seen: in these leads (all when empty), from and to. */
export interface EvidenceBand {
  readonly leads: readonly string[];
  readonly fromS: number;
  readonly toS: number;
  readonly caption: string;
}

export interface PoorLead {
  readonly lead: string;
  /** In words of the chosen language. */
  readonly reason: string;
}

/** What is drawn over the traces. */
export interface Marks {
  readonly beats: readonly BeatMark[];
  readonly evidence: readonly EvidenceBand[];
  readonly poorLeads: readonly PoorLead[];
  readonly spikesS: readonly number[];
}

export interface BeatMark extends Beat {
  readonly kind: "normal" | "ectopic" | "paced" | "noisy";
  /** Its class, which is written under the last row. */
  readonly label?: string;
}

/** Two points that a person placed. */
export interface Caliper {
  readonly lead: string;
  readonly fromS: number;
  readonly toS: number;
  readonly fromMv: number;
  readonly toMv: number;
}

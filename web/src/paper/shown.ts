/** A recording's leads as they are shown: filtered for the screen, with their pyramids. */
import { type Extent, extentOf, gapsOf } from "../ecg/extent";
import { type Lead, leadsOf } from "../ecg/leads";
import { type Pyramid, pyramidOf } from "../ecg/pyramid";
import type { Recording } from "../ecg/recording";
import type { Span } from "../ecg/span";

export interface ShownLead extends Lead {
  readonly index: number;
  readonly pyramid: Pyramid;
  readonly extent: Extent;
  readonly gaps: readonly Span[];
}

export type ShownLeads = ReadonlyMap<string, ShownLead>;

/** Return the leads as they came, at once: pyramids and filters follow from the worker. */
export function shownAtOnce(recording: Recording): ShownLeads {
  const shown = new Map<string, ShownLead>();
  for (const lead of leadsOf(recording).values()) {
    shown.set(lead.name, {
      ...lead,
      index: shown.size,
      pyramid: pyramidOf(lead.samples),
      extent: extentOf(lead.samples),
      gaps: gapsOf(lead.samples, recording.fs),
    });
  }
  return shown;
}

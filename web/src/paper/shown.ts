/** A recording's leads as they are shown: filtered for the screen, with their pyramids. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { extentOf, gapsOf } from "../ecg/extent";
import { type Lead, leadsOf } from "../ecg/leads";
import type { Prepared, Wish } from "../ecg/prepare";
import { prepareInWorker } from "../ecg/preparing";
import type { Recording } from "../ecg/recording";

export interface ShownLead extends Lead, Prepared {
  readonly index: number;
}

export type ShownLeads = ReadonlyMap<string, ShownLead>;

/**
 * Return the leads: at once as they came, as the person waits for a trace, and once more when the
 * worker has made pyramids and filtered them.
 */
export function useShownLeads(recording: Recording, wish: Wish): ShownLeads {
  const atOnce = useMemo(() => shownAtOnce(recording), [recording]);
  const [ready, setReady] = useState<ShownLeads | null>(null);
  const { filter, notch } = wish;
  useEffect(() => {
    let isWanted = true;
    void fromWorker(recording, atOnce, { filter, notch }).then((leads) => {
      if (isWanted) setReady(leads);
    });
    return () => {
      isWanted = false;
    };
  }, [recording, atOnce, filter, notch]);
  // The leads of another recording are still here when a tab has just been changed.
  return ready !== null && isOf(ready, atOnce) ? ready : atOnce;
}

/** Return the leads as they came. */
export function shownAtOnce(recording: Recording): ShownLeads {
  const shown = new Map<string, ShownLead>();
  for (const lead of leadsOf(recording).values()) {
    const { samples } = lead;
    const pyramid = [{ size: 1, min: samples, max: samples }];
    const [extent, gaps] = [extentOf(samples), gapsOf(samples, recording.fs)];
    shown.set(lead.name, { ...lead, index: shown.size, pyramid, extent, gaps });
  }
  return shown;
}

async function fromWorker({ fs }: Recording, leads: ShownLeads, wish: Wish): Promise<ShownLeads> {
  const ready = [...leads.values()].map(async (lead) => ({
    ...lead,
    ...(await prepareInWorker(lead.samples, fs, wish)),
  }));
  return new Map((await Promise.all(ready)).map((lead) => [lead.name, lead]));
}

function isOf(ready: ShownLeads, leads: ShownLeads): boolean {
  return [...leads.values()].every((lead) => ready.get(lead.name)?.samples === lead.samples);
}

/** The shown voltage (mV) at a second; NaN in a gap and outside. */
export function shownMv(lead: ShownLead, fs: number, second: number): number {
  return lead.pyramid[0]?.min[Math.round(second * fs)] ?? Number.NaN;
}

/** The recorded voltage (mV) at a second, which no filter changes. */
export function recordedMv(lead: ShownLead, fs: number, second: number): number {
  return lead.samples[Math.round(second * fs)] ?? Number.NaN;
}

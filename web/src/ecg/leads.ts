/** The leads that can be shown: those of the recording, and the limb leads that two others give. */
import type { Recording } from "./recording";

export const LIMB = ["I", "II", "III", "aVR", "aVL", "aVF"] as const;
export const CHEST = ["V1", "V2", "V3", "V4", "V5", "V6"] as const;
export const STANDARD: readonly string[] = [...LIMB, ...CHEST];

/** Each limb lead as a sum of I and II (Einthoven 1912, Goldberger 1942). */
const OF_I_AND_II: Readonly<Record<string, readonly [number, number]>> = {
  I: [1, 0],
  II: [0, 1],
  III: [-1, 1],
  aVR: [-0.5, -0.5],
  aVL: [1, -0.5],
  aVF: [-0.5, 1],
};

export interface Lead {
  readonly name: string;
  readonly samples: Float32Array;
  /** Calculated from two other leads. */
  readonly derived: boolean;
}

/** Return lead name -> lead, in the standard order, then leads of other names. */
export function leadsOf(recording: Recording): ReadonlyMap<string, Lead> {
  const leads = new Map<string, Lead>();
  const others = recording.leadNames.filter((name) => !STANDARD.includes(name));
  for (const name of [...STANDARD, ...others]) {
    const sent = recording.leads.get(name);
    const samples = sent ?? derived(name, recording.leads);
    if (samples !== null) leads.set(name, { name, samples, derived: sent === undefined });
  }
  return leads;
}

/** Return a missing limb lead from two others of the recording, or null. */
function derived(name: string, sent: ReadonlyMap<string, Float32Array>): Float32Array | null {
  const wanted = OF_I_AND_II[name];
  const [first, second] = LIMB.filter((lead) => sent.has(lead));
  if (wanted === undefined || first === undefined || second === undefined) return null;
  const [a, b] = [OF_I_AND_II[first], OF_I_AND_II[second]];
  const [one, two] = [sent.get(first), sent.get(second)];
  if (a === undefined || b === undefined || one === undefined || two === undefined) return null;
  // Any two limb leads are independent, so the determinant is never zero.
  const determinant = a[0] * b[1] - a[1] * b[0];
  const ofOne = (wanted[0] * b[1] - wanted[1] * b[0]) / determinant;
  const ofTwo = (a[0] * wanted[1] - a[1] * wanted[0]) / determinant;
  return one.map((value, at) => ofOne * value + ofTwo * (two[at] ?? Number.NaN));
}

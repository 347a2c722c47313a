/** Which electrodes are good, which to check, and which were not used. */
import type { Quality } from "../../api/answer";
import { ELECTRODES, type Electrode } from "./electrodes";

export type ElectrodeState = "good" | "check" | "absent";

/** Lead -> the electrodes that make it; the chest electrodes have the names of their leads. */
const OF_LIMB_LEADS: Readonly<Record<string, readonly Electrode[]>> = {
  I: ["RA", "LA"],
  II: ["RA", "LL"],
  III: ["LA", "LL"],
  aVR: ["RA", "LA", "LL"],
  aVL: ["RA", "LA", "LL"],
  aVF: ["RA", "LA", "LL"],
};

export function electrodeStates(quality: Quality): ReadonlyMap<Electrode, ElectrodeState> {
  const electrodesOf = (lead: string): readonly string[] => OF_LIMB_LEADS[lead] ?? [lead];
  const recorded = new Set<string>(Object.keys(quality.leads).flatMap(electrodesOf));
  // The neutral electrode belongs to the other three; a watch has none.
  if (recorded.has("RA") && recorded.has("LA") && recorded.has("LL")) recorded.add("RL");
  const faults = [...Object.values(quality.leads).flatMap((lead) => lead.findings)];
  faults.push(...quality.findings.filter((finding) => finding.lead === null));
  const toCheck = new Set(faults.flatMap((finding) => finding.electrodes));
  return new Map(
    ELECTRODES.map((electrode) => {
      if (!recorded.has(electrode)) return [electrode, "absent"];
      return [electrode, electrode !== "RL" && toCheck.has(electrode) ? "check" : "good"];
    }),
  );
}

/** The electrodes that make a lead. A bad lead is shown at these, never as itself. */

export const ELECTRODES = ["RA", "LA", "RL", "LL", "V1", "V2", "V3", "V4", "V5", "V6"] as const;
export type Electrode = (typeof ELECTRODES)[number];

const OF_LIMB_LEADS: Readonly<Record<string, readonly Electrode[]>> = {
  I: ["RA", "LA"],
  II: ["RA", "LL"],
  III: ["LA", "LL"],
  aVR: ["RA", "LA", "LL"],
  aVL: ["RA", "LA", "LL"],
  aVF: ["RA", "LA", "LL"],
};

export function electrodesOf(lead: string): readonly Electrode[] {
  const chest = ELECTRODES.find((electrode) => electrode === lead);
  return chest === undefined ? (OF_LIMB_LEADS[lead] ?? []) : [chest];
}

/** The electrodes of several leads, each once, in their usual order. */
export function electrodesOfAll(leads: readonly string[]): readonly Electrode[] {
  const used = new Set(leads.flatMap(electrodesOf));
  return ELECTRODES.filter((electrode) => used.has(electrode));
}

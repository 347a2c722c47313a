/** Where a caliper begins when it is placed by a key, and the tangent that belongs to one. */

import { type Tangent, tangentOf } from "../ecg/tangent";
import type { Picture } from "./draw/picture";
import type { BeatMark, Caliper } from "./props";
import { recordedMv, type ShownLeads } from "./shown";

/** Without beats, the width of a caliper. */
const WIDTH_S = 0.2;

/** Return a caliper over the RR interval in the middle of the lowest row. */
export function startCaliper(picture: Picture, beats: readonly BeatMark[]): Caliper | null {
  const cell = picture.geometry.cells.at(-1);
  const lead = cell === undefined ? undefined : picture.leads.get(cell.lead);
  if (cell === undefined || lead === undefined) return null;
  const middle = (cell.fromS + cell.toS) / 2;
  const next = beats.findIndex(({ r }) => r > middle);
  const [one, two] = [beats[next - 1]?.r, beats[next]?.r];
  const fromS = two === undefined || one === undefined ? middle - WIDTH_S / 2 : one;
  const toS = two === undefined || one === undefined ? middle + WIDTH_S / 2 : two;
  const mv = (second: number) => recordedMv(lead, picture.fs, second);
  return { lead: cell.lead, fromS, toS, fromMv: mv(fromS), toMv: mv(toS) };
}

/** Return the tangent at the T wave of the beat in which a caliper begins. */
export function tangentAt(
  leads: ShownLeads,
  fs: number,
  beats: readonly BeatMark[],
  caliper: Caliper,
): Tangent | null {
  const lead = leads.get(caliper.lead);
  const beginS = Math.min(caliper.fromS, caliper.toS);
  const endS = Math.max(caliper.fromS, caliper.toS);
  // R follows the onset of QRS, where a QT interval begins.
  const at = beats.findIndex(({ r }) => r >= beginS && r < endS);
  const beat = beats[at];
  if (lead === undefined || beat === undefined) return null;
  return tangentOf(lead.samples, fs, beat.qrsOnset ?? beginS, beat.r, beats[at + 1]?.r ?? null);
}

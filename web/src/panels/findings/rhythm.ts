/** The rhythm in words, with the rate that the ventricles answer with. */
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import { worded } from "./facts";

/** Where the statement of a rhythm names a rate beside it: slow below this, rapid above. */
const BETWEEN_SLOW_AND_RAPID_PER_MIN = 80;

/** Null while the recording is not judged. */
export function rhythmOf(answer: Analysis): string | null {
  const analysis = answer.clinical_analysis;
  if (!analysis || !isJudged(answer)) return null;
  const { rhythms, rates } = words.value.clinical;
  const name = worded(rhythms, analysis.rhythm);
  const statement = answer.findings?.[0]?.statement ?? analysis.rhythm;
  // The server adds the rate to a name that does not say it; the name alone has none.
  if (
    !statement.startsWith(analysis.rhythm) ||
    statement === analysis.rhythm ||
    analysis.heart_rate === null
  )
    return name;
  const isSlow = analysis.heart_rate < BETWEEN_SLOW_AND_RAPID_PER_MIN;
  if (["Atrial fibrillation", "Atrial flutter"].includes(analysis.rhythm)) {
    return isSlow ? rates.slowResponse(name) : rates.rapidResponse(name);
  }
  return isSlow ? rates.slow(name) : rates.rapid(name);
}

/** The server names no finding of a recording that it does not judge. */
export function isJudged(answer: Analysis): boolean {
  return answer.findings != null;
}

/** What the rhythm rests on: "12 beats, RR 812 ms (SD 9 ms)". */
export function rhythmEvidence(answer: Analysis): string {
  const measured = answer.measurements;
  if (!measured) return "";
  const said = words.value.clinical.rhythmEvidence;
  const parts = [said.beats(number(measured.beats))];
  if (measured.rr_ms !== null)
    parts.push(said.rr(number(measured.rr_ms), number(measured.sdnn_ms)));
  return parts.join(", ");
}

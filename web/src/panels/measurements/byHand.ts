/** Values that a person measured, with what follows from them: as report/measurement_rows.py does. */
import type { Measurements } from "../../api/answer";
import { correctedQt } from "../../ecg/qtc";

/** By the measurement's name. */
export type ByHand = Readonly<Record<string, number>>;

const MS_IN_A_MINUTE = 60_000;

/** Return the values, with QTc by each formula where QT or the heart rate was measured by hand. */
export function withCorrectedQt(byHand: ByHand, measured: Measurements): ByHand {
  if (!("qt_ms" in byHand) && !("heart_rate_bpm" in byHand)) return byHand;
  const qtMs = byHand.qt_ms ?? measured.qt_ms;
  const perMinute = byHand.heart_rate_bpm ?? measured.heart_rate_bpm;
  if (qtMs === null || perMinute === null) return byHand;
  const corrected = Object.entries(correctedQt(qtMs, MS_IN_A_MINUTE / perMinute));
  // A tenth of a millisecond, as the server's own values have.
  const named = corrected.map(([formula, ms]) => [`qtc_${formula}_ms`, Math.round(ms * 10) / 10]);
  return { ...Object.fromEntries(named), ...byHand };
}

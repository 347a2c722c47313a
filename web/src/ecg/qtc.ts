/** QT corrected for the rate by four formulas, as intervals/formulas.py of the server does. */

export interface CorrectedQt {
  readonly bazett: number;
  readonly fridericia: number;
  readonly framingham: number;
  readonly hodges: number;
}

/**
 * Bazett 1920: QT / RR^(1/2); Fridericia 1920: QT / RR^(1/3); Framingham (Sagie 1992):
 * QT + 154 (1 - RR); Hodges 1983: QT + 1.75 (rate - 60). RR in seconds. The names are those of
 * AHA/ACCF/HRS 2009, doi 10.1161/CIRCULATIONAHA.108.191096.
 */
export function correctedQt(qtMs: number, rrMs: number): CorrectedQt {
  const rrS = rrMs / 1000;
  return {
    bazett: qtMs / Math.sqrt(rrS),
    fridericia: qtMs / Math.cbrt(rrS),
    framingham: qtMs + 154 * (1 - rrS),
    hodges: qtMs + 1.75 * (60 / rrS - 60),
  };
}

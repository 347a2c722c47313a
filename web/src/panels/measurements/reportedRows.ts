/** What the machine wrote into the file beside what the server measured. */
import type { Measurements, Reported } from "../../api/answer";
import { number, words } from "../../i18n";
import { worded } from "../findings/facts";
import { unitOf } from "./measurementRows";

export interface ReportedRow {
  readonly name: string;
  readonly machine: string;
  readonly ours: string;
  readonly difference: string;
  /** The machine's value is outside the server's uncertainty. */
  readonly isFar: boolean;
}

/** A machine that does not name its formula uses Bazett's. */
const SAME_AS: Readonly<Record<string, string>> = { qtc_ms: "qtc_bazett_ms" };

export function reportedRows(
  reported: Reported,
  measured: Measurements | null,
): readonly ReportedRow[] {
  return Object.entries(reported.measurements).map(([name, machine]) => {
    const ourName = SAME_AS[name] ?? name;
    const ours = measured === null ? null : numberOf(measured, ourName);
    const difference = ours === null ? null : differenceOf(machine, ours, name);
    const uncertainty = measured?.uncertainty_ms[ourName] ?? null;
    const unit = unitOf(name);
    return {
      name: worded({ ...words.value.clinical.measurements, qtc_ms: "QTc" }, name),
      machine: `${number(machine)}${unit === "ms" ? " ms" : unit}`,
      ours: number(ours),
      difference: difference === null ? "" : signed(difference),
      isFar: difference !== null && uncertainty !== null && Math.abs(difference) > uncertainty,
    };
  });
}

/** An angle's difference goes the short way round. */
export function differenceOf(later: number, earlier: number, name: string): number {
  const difference = later - earlier;
  if (!name.endsWith("_deg")) return difference;
  return ((((difference + 180) % 360) + 360) % 360) - 180;
}

export function signed(difference: number): string {
  const rounded = Math.round(difference);
  return rounded > 0 ? `+${number(rounded)}` : number(rounded);
}

export function numberOf(measured: Measurements, name: string): number | null {
  const value = (measured as Readonly<Record<string, unknown>>)[name];
  return typeof value === "number" ? value : null;
}

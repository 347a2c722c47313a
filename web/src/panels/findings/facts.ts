/** The evidence of a finding, as the words of a language read it. */
import type { Finding } from "../../api/answer";
import { number } from "../../i18n";
import type { Facts } from "../../i18n/facts";

export function factsOf(evidence: Finding["evidence"]): Facts {
  const numberOf = (name: string): number | null => {
    const value = evidence[name];
    return typeof value === "number" ? value : null;
  };
  return {
    n: (name, digits = 0) => number(numberOf(name), digits),
    value: (name) => numberOf(name) ?? Number.NaN,
    has: (name) => name in evidence,
    leads: leadsOf(evidence).map(shownLead).join(", "),
  };
}

/** The leads that a finding was seen in, as the server names them: "-aVR" for the inverted lead. */
export function leadsOf(evidence: Finding["evidence"]): readonly string[] {
  const leads = evidence.leads;
  return typeof leads === "object" ? leads : [];
}

/** A lead's name with a real minus sign. */
export function shownLead(name: string): string {
  return name.replace("-", "−");
}

/** A server's name in the words of the language; the name itself where the table lacks it. */
export function worded(table: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(table, name) ? (table[name] as string) : name;
}

/** Rows are made anew with every drawing, so findings are told apart by what they say. */
export function isSameFinding(one: Finding, other: Finding | null): boolean {
  if (other === null || one.code !== other.code) return false;
  return String(one.evidence.leads) === String(other.evidence.leads);
}

/** What a sentence with numbers is made of: the values by the server's names, as the language writes them. */

export interface Facts {
  /** The value of that name, written with so many decimals; a dash where there is none. */
  n(name: string, digits?: number): string;
  /** The bare value; NaN where there is none. */
  value(name: string): number;
  has(name: string): boolean;
  /** The leads, joined: "II, III, aVF". */
  readonly leads: string;
}

export type Say = (facts: Facts) => string;

/** One statement of a report: its words, and what it rests on. */
export interface Statement {
  readonly statement: Say;
  readonly evidence: Say;
}

/** A part of a recording's time, in seconds. */
export interface Span {
  readonly fromS: number;
  readonly toS: number;
}

/** The model's attention in time: one cell for each token of each segment. */
import type { Saliency } from "../../api/answer";

export interface SaliencyCell {
  readonly fromS: number;
  readonly toS: number;
  /** 0 to 1: unscaled values are shown between their lowest and highest. */
  readonly strength: number;
}

export function saliencyCells(saliency: Saliency): readonly SaliencyCell[] {
  const values = saliency.segments.flatMap((segment) => segment.values);
  const lowest = Math.min(...values);
  const range = Math.max(...values) - lowest || 1;
  return saliency.segments.flatMap(({ start, end, values: tokens }) => {
    const width = (end - start) / tokens.length;
    return tokens.map((value, at) => ({
      fromS: start + at * width,
      toS: start + (at + 1) * width,
      strength: (value - lowest) / range,
    }));
  });
}

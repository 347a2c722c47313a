/** The model's labels as bars, the most probable first. */
import type { Label } from "../../api/answer";
import { number, words } from "../../i18n";
import { worded } from "./facts";

export interface Bar {
  readonly key: string;
  readonly name: string;
  /** 0 to 1, of the bar's length. */
  readonly probability: number;
  readonly threshold: number | null;
  readonly shown: string;
  readonly isPositive: boolean;
}

/** Beside the positive ones, bars are shown of labels that come this near to their threshold. */
const NEAR_SHARE = 0.5;
const MOST_BARS = 8;

export function labelBars(labels: readonly Label[]): readonly Bar[] {
  return labels
    .toSorted((one, other) => other.probability - one.probability)
    .map((label) => ({
      key: label.name,
      name: shortName(label.name),
      probability: label.probability,
      threshold: label.threshold,
      shown: number(label.probability, 2),
      isPositive: label.positive,
    }));
}

function shortName(label: string): string {
  const { labels, shortLabels } = words.value.clinical;
  return Object.hasOwn(shortLabels, label) ? worded(shortLabels, label) : worded(labels, label);
}

/** How many of the bars are shown at first: all positive ones, and a few that are near. */
export function firstBars(bars: readonly Bar[]): number {
  const positive = bars.findLastIndex((bar) => bar.isPositive) + 1;
  const near =
    bars.findLastIndex((bar) => bar.probability >= NEAR_SHARE * (bar.threshold ?? 1)) + 1;
  return Math.max(positive, Math.min(near, MOST_BARS), Math.min(3, bars.length));
}

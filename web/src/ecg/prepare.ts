/** A lead made ready for the screen. It runs in a worker, as minutes of twelve leads take a while. */
import { type Extent, extentOf, gapsOf } from "./extent";
import { type FilterName, filtered, type MainsNotch } from "./filter";
import { type Pyramid, pyramidOf } from "./pyramid";
import type { Span } from "./span";

export interface Wish {
  readonly filter: FilterName;
  readonly notch: MainsNotch;
}

export interface Prepared {
  readonly pyramid: Pyramid;
  readonly extent: Extent;
  readonly gaps: readonly Span[];
}

export function prepared(samples: Float32Array, fs: number, { filter, notch }: Wish): Prepared {
  const shown = filtered(samples, fs, filter, notch);
  return { pyramid: pyramidOf(shown), extent: extentOf(shown), gaps: gapsOf(samples, fs) };
}

/** Smallest and largest values of ever longer blocks, so that minutes are drawn without reading
 * every sample. Level k has blocks of 4^k samples; a block of gaps only is NaN. */

export const BLOCK = 4;

export interface Level {
  /** Samples a block. */
  readonly size: number;
  readonly min: Float32Array;
  readonly max: Float32Array;
}

export type Pyramid = readonly Level[];

/** Return levels until one has a single block. Level 0 is the samples themselves. */
export function pyramidOf(samples: Float32Array): Pyramid {
  const levels: Level[] = [{ size: 1, min: samples, max: samples }];
  for (let last = levels[0]; last !== undefined && last.min.length > 1; last = levels.at(-1)) {
    levels.push(coarser(last));
  }
  return levels;
}

function coarser({ size, min, max }: Level): Level {
  const blocks = Math.ceil(min.length / BLOCK);
  const coarse = {
    size: size * BLOCK,
    min: new Float32Array(blocks),
    max: new Float32Array(blocks),
  };
  for (let block = 0; block < blocks; block++) {
    let low = Number.NaN;
    let high = Number.NaN;
    const end = Math.min(min.length, (block + 1) * BLOCK);
    for (let at = block * BLOCK; at < end; at++) {
      const less = min[at] as number;
      const more = max[at] as number;
      // Written so that a NaN on the left is replaced and one on the right is skipped.
      if (!(less >= low)) low = Number.isNaN(less) ? low : less;
      if (!(more <= high)) high = Number.isNaN(more) ? high : more;
    }
    coarse.min[block] = low;
    coarse.max[block] = high;
  }
  return coarse;
}

/** Return the coarsest level with at least two blocks a pixel. */
export function levelFor(pyramid: Pyramid, samplesPerPixel: number): Level {
  let chosen = pyramid[0] as Level;
  for (const level of pyramid) if (level.size * 2 <= samplesPerPixel) chosen = level;
  return chosen;
}

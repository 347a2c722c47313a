/** A recording as the server read it: millivolts by lead, NaN where there is a gap. */

export interface Recording {
  readonly fs: number;
  readonly samples: number;
  readonly leadNames: readonly string[];
  /** Lead name -> samples in mV. */
  readonly leads: ReadonlyMap<string, Float32Array>;
}

export function secondsOf(recording: Recording): number {
  return recording.samples / recording.fs;
}

/** The samples of a lead in mV; NaN throughout where the recording lacks it. */
export function samplesOf({ leads, samples }: Recording, name: string): Float32Array {
  return leads.get(name) ?? new Float32Array(samples).fill(Number.NaN);
}

interface PackedSignal {
  readonly fs: number;
  readonly lead_names: readonly string[];
  readonly data: {
    readonly dtype: string;
    readonly shape: readonly [number, number];
    readonly data: Uint8Array;
  };
}

/** The part `signal` of a msgpack answer of /analyze. */
export function recordingOf(answer: unknown): Recording {
  const { signal } = answer as { signal: PackedSignal };
  const { dtype, shape, data } = signal.data;
  if (dtype !== "<f4") throw new TypeError(`samples are ${dtype}; <f4 was expected`);
  const [rows, samples] = shape;
  // A copy, as the bytes need not begin at a multiple of four.
  const bytes = data.slice().buffer;
  const leads = new Map<string, Float32Array>();
  for (let row = 0; row < rows; row++) {
    const name = signal.lead_names[row];
    if (name !== undefined) leads.set(name, new Float32Array(bytes, row * samples * 4, samples));
  }
  return { fs: signal.fs, samples, leadNames: signal.lead_names, leads };
}

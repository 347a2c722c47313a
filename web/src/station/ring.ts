/** The newest seconds of a strip, by the device's clock. Pieces may come late, twice or with gaps. */

/** A piece that begins this near to its predecessor's end follows it: times are whole milliseconds. */
const JOIN_SAMPLES = 2;

export class StripRing {
  /** The place after the newest sample; places count from 1970 at the ring's rate. */
  end = Number.NEGATIVE_INFINITY;
  private readonly values: Float32Array;

  /** Seconds are rounded up to a power of two of samples. */
  constructor(
    readonly fs: number,
    seconds: number,
  ) {
    this.values = new Float32Array(2 ** Math.ceil(Math.log2(fs * seconds))).fill(Number.NaN);
  }

  get isEmpty(): boolean {
    return this.end === Number.NEGATIVE_INFINITY;
  }

  /** The time (ms) of the end of the newest sample. */
  get newestMs(): number {
    return (this.end / this.fs) * 1000;
  }

  placeAt(ms: number): number {
    return (ms * this.fs) / 1000;
  }

  /** Write samples (mV, NaN for gaps) that begin at a time. What is older than the ring is left out. */
  write(startMs: number, samples: ArrayLike<number>): void {
    if (samples.length === 0) return;
    let start = Math.round(this.placeAt(startMs));
    if (Math.abs(start - this.end) <= JOIN_SAMPLES) start = this.end;
    const end = start + samples.length;
    if (end > this.end) this.forget(end);
    const oldest = this.end - this.values.length;
    for (let place = Math.max(start, oldest); place < end; place++) {
      this.values[this.slot(place)] = samples[place - start] ?? Number.NaN;
    }
  }

  /** The sample at a whole place; NaN in gaps and outside of what is kept. */
  at(place: number): number {
    if (place >= this.end || place < this.end - this.values.length) return Number.NaN;
    return this.values[this.slot(place)] as number;
  }

  /** The least and the greatest sample of the last seconds; null where there is none. */
  extent(seconds: number): { readonly low: number; readonly high: number } | null {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    const from = Math.max(this.end - this.values.length, this.end - Math.round(seconds * this.fs));
    for (let place = from; place < this.end; place++) {
      const value = this.values[this.slot(place)] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return low > high ? null : { low, high };
  }

  /** Move the end, with gaps up to there. */
  private forget(end: number): void {
    const first = Math.max(
      this.isEmpty ? end - this.values.length : this.end,
      end - this.values.length,
    );
    for (let place = first; place < end; place++) this.values[this.slot(place)] = Number.NaN;
    this.end = end;
  }

  private slot(place: number): number {
    const { length } = this.values;
    return ((place % length) + length) % length;
  }
}

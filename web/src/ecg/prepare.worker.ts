/** Prepares leads off the page's own thread. One message, one lead, one answer. */
import { type Prepared, prepared, type Wish } from "./prepare";

export interface Order {
  readonly id: number;
  readonly samples: Float32Array;
  readonly fs: number;
  readonly wish: Wish;
}

export interface Done {
  readonly id: number;
  readonly prepared: Prepared;
}

self.addEventListener("message", ({ data }: MessageEvent<Order>) => {
  const done: Done = { id: data.id, prepared: prepared(data.samples, data.fs, data.wish) };
  self.postMessage(done);
});

/** Asks the worker to prepare leads. */
import type { Prepared, Wish } from "./prepare";
import type { Done, Order } from "./prepare.worker";

let worker: Worker | null = null;
let lastId = 0;
const waiting = new Map<number, (prepared: Prepared) => void>();

export function prepareInWorker(samples: Float32Array, fs: number, wish: Wish): Promise<Prepared> {
  worker ??= started();
  const id = ++lastId;
  const order: Order = { id, samples, fs, wish };
  worker.postMessage(order);
  return new Promise((resolve) => waiting.set(id, resolve));
}

function started(): Worker {
  const running = new Worker(new URL("./prepare.worker.ts", import.meta.url), { type: "module" });
  running.addEventListener("message", ({ data }: MessageEvent<Done>) => {
    waiting.get(data.id)?.(data.prepared);
    waiting.delete(data.id);
  });
  return running;
}

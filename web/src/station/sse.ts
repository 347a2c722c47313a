/**
 * Server-sent events over fetch: a browser's EventSource cannot send a key in a header.
 * The format is that of the HTML standard, section 9.2.
 */

export interface ServerEvent {
  readonly id: string;
  readonly kind: string;
  readonly data: string;
}

/** Takes the text of a stream in any pieces, and gives the events that are complete. */
export class EventParser {
  private rest = "";
  private kind = "";
  private data: string[] = [];

  /** `id` is that of the last event so far: an event without one has its predecessor's. */
  constructor(private id = "") {}

  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    // A line that ends in CR may go on with LF in the next piece.
    const whole = this.rest + text;
    const lines = whole.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.take(line);
      if (event !== null) events.push(event);
    }
    return events;
  }

  private take(line: string): ServerEvent | null {
    if (line === "") return this.finish();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.kind = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }

  private finish(): ServerEvent | null {
    const { id, data } = this;
    const kind = this.kind === "" ? "message" : this.kind;
    this.kind = "";
    this.data = [];
    return data.length === 0 ? null : { id, kind, data: data.join("\n") };
  }
}

/** Yield the text of a response's body as it arrives. */
export async function* textOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    // A consumer that stops early closes the connection.
    await reader.cancel().catch(() => undefined);
  }
}

/** The kind of a connection's first event. It is taken only where numbers begin anew. */
export const CONNECTED = "connected";

export interface Following {
  /** Open the stream after the event with this id. */
  readonly open: (after: string, abort: AbortSignal) => AsyncIterable<string>;
  readonly take: (event: ServerEvent) => void;
  /** Told with true once events arrive, and with false once the stream has ended. */
  readonly connected: (is: boolean) => void;
  /** Whether it is worth to try again after this error. */
  readonly retries: (error: unknown) => boolean;
  readonly wait: (ms: number) => Promise<void>;
}

/** Without a sign of life for this long, the connection is broken: the station sends one each 10 s. */
const SILENCE_MS = 25_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Follow a stream of numbered events for ever: each event once, whatever happens to connections.
 * Ends where `stop` is aborted, or an error is not worth another try, which it throws then.
 */
export async function follow(after: string, following: Following, stop: AbortSignal) {
  let last = after;
  let waitMs = FIRST_WAIT_MS;
  while (!stop.aborted) {
    const broken = new AbortController();
    const end = () => broken.abort();
    stop.addEventListener("abort", end, { once: true });
    let watchdog = setTimeout(end, SILENCE_MS);
    const parser = new EventParser(last);
    try {
      for await (const text of following.open(last, broken.signal)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(end, SILENCE_MS);
        waitMs = FIRST_WAIT_MS;
        following.connected(true);
        for (const event of parser.push(text)) {
          const isBehind = Number(event.id) < Number(last);
          // The first event names the place from which the station goes on. One further back means
          // that its database is another one now.
          if (event.kind === CONNECTED ? !isBehind : isBehind || event.id === last) continue;
          last = event.id;
          following.take(event);
        }
      }
    } catch (error) {
      if (!isAbort(error) && !following.retries(error)) throw error;
    } finally {
      clearTimeout(watchdog);
      stop.removeEventListener("abort", end);
      following.connected(false);
    }
    if (stop.aborted) return;
    await following.wait(waitMs);
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

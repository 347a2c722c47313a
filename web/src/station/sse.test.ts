import { expect, test } from "vitest";
import { EventParser, type Following, follow, type ServerEvent } from "./sse";

const TEXT =
  'id: 7\nevent: alarm\ndata: {"alarm":\ndata: 1}\n\n: ping\n\nevent: silence\ndata: {}\n\n';
const EVENTS = [
  { id: "7", kind: "alarm", data: '{"alarm":\n1}' },
  { id: "7", kind: "silence", data: "{}" },
];

test("events are the same in whatever pieces and line ends they arrive", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = TEXT.replaceAll("\n", end);
    for (let size = 1; size <= text.length; size += 3) {
      const parser = new EventParser();
      const events: ServerEvent[] = [];
      for (let at = 0; at < text.length; at += size)
        events.push(...parser.push(text.slice(at, at + size)));
      // The last line end is known to be one only with what follows, where it is a lone CR.
      events.push(...parser.push(": more"));
      expect(events).toEqual(EVENTS);
    }
  }
});

test("a field without a value, an unknown field and a comment are no data", () => {
  const parser = new EventParser("3");
  expect(parser.push("retry: 10\nfoo: 1\n: c\nevent\n\ndata\n\n")).toEqual([
    { id: "3", kind: "message", data: "" },
  ]);
});

/** A server with numbered events, whose connections break after a few. */
class Server {
  opened: string[] = [];
  constructor(
    private readonly count: number,
    private readonly perConnection: number,
  ) {}

  async *open(after: string): AsyncGenerator<string> {
    this.opened.push(after);
    // The station names the place from which it goes on, then repeats one event too many.
    yield `id: ${after}\nevent: connected\ndata: {}\n\n`;
    const first = Math.max(1, Number(after));
    for (let id = first; id <= Math.min(this.count, first + this.perConnection); id++)
      yield `id: ${id}\nevent: alarm\ndata: ${id}\n\n`;
    if (this.opened.length % 2 === 0) throw new TypeError("connection reset");
  }
}

function followed(server: Server, until: string) {
  const stop = new AbortController();
  const taken: string[] = [];
  const states: boolean[] = [];
  const following: Following = {
    open: (after) => server.open(after),
    take: ({ id }) => {
      taken.push(id);
      if (id === until) stop.abort();
    },
    connected: (is) => states.push(is),
    retries: (error) => error instanceof TypeError,
    wait: () => Promise.resolve(),
  };
  return { done: follow("0", following, stop.signal), taken, states };
}

test("every event is taken once, though connections break and repeat events", async () => {
  const server = new Server(20, 3);
  const { done, taken, states } = followed(server, "20");
  await done;
  expect(taken).toEqual(Array.from({ length: 20 }, (_, at) => String(at + 1)));
  expect(server.opened.slice(0, 3)).toEqual(["0", "4", "7"]);
  expect(states.at(-1)).toBe(false);
});

test("numbers that begin anew are those of another database", async () => {
  const stop = new AbortController();
  const taken: string[] = [];
  const following: Following = {
    open: async function* () {
      yield "id: 2\nevent: connected\ndata: {}\n\nid: 3\nevent: alarm\ndata: {}\n\n";
    },
    take: ({ id, kind }) => {
      taken.push(`${kind} ${id}`);
      if (kind === "alarm") stop.abort();
    },
    connected: () => undefined,
    retries: () => false,
    wait: () => Promise.resolve(),
  };
  await follow("90", following, stop.signal);
  expect(taken).toEqual(["connected 2", "alarm 3"]);
});

test("a refusal ends it", async () => {
  const stop = new AbortController();
  const following: Following = {
    // biome-ignore lint/correctness/useYield: it fails before its first event
    open: async function* () {
      throw new Error("refused");
    },
    take: () => undefined,
    connected: () => undefined,
    retries: () => false,
    wait: () => Promise.resolve(),
  };
  await expect(follow("0", following, stop.signal)).rejects.toThrow("refused");
});

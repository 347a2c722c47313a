import { expect, test } from "vitest";
import {
  after,
  byNeed,
  byUrgency,
  counts,
  folded,
  type KnownAlarm,
  listed,
  sounds,
  trimmed,
} from "./alarms";
import type { AlarmEvent, Priority } from "./api";
import { alarmsFirst, arranged, byBed, problemLane, worstOf } from "./order";

let next = 1;

function alarm(patient: string, priority: Priority, changes: Partial<KnownAlarm> = {}): KnownAlarm {
  const number = next++;
  return {
    alarm: number,
    patient,
    source: "s",
    rule: "pause",
    priority,
    state: "firing",
    since_ms: number * 1000,
    ended_ms: null,
    value: null,
    fired_ms: number * 1000,
    level: 0,
    silentUntilMs: null,
    seen: null,
    ...changes,
  };
}

function event(
  of: KnownAlarm,
  step: AlarmEvent["step"],
  changes: Partial<AlarmEvent> = {},
): AlarmEvent {
  const { silentUntilMs: _, seen: __, ...rest } = of;
  return { ...rest, step, by: "vogt", at_ms: 9_000, note: "", ...changes };
}

const acknowledged = { state: "acknowledged" } as const;

test("the lane has priority, then those not acknowledged, then the newest", () => {
  const alarms = [
    alarm("a", "medium"),
    alarm("b", "high", acknowledged),
    alarm("c", "high"),
    alarm("d", "high"),
    alarm("e", "technical"),
    alarm("f", "low"),
  ];
  expect(
    [...alarms]
      .sort(byUrgency)
      .map(({ patient }) => patient)
      .join(""),
  ).toBe("dcbafe");
  expect(problemLane(worstOf(alarms))).toEqual(["d", "c", "b", "a"]);
});

test("the inbox begins with what nobody has acknowledged", () => {
  const alarms = [
    alarm("a", "high", acknowledged),
    alarm("b", "technical"),
    alarm("c", "medium"),
    alarm("d", "high"),
    alarm("e", "medium", acknowledged),
  ];
  expect(
    alarms
      .sort(byNeed)
      .map(({ patient }) => patient)
      .join(""),
  ).toBe("dcaeb");
});

test("a bed is as urgent as the worst of its alarms", () => {
  const alarms = [alarm("a", "low"), alarm("a", "high"), alarm("b", "medium")];
  const worst = worstOf(alarms);
  expect(worst.get("a")?.priority).toBe("high");
  const beds = ["10", "2", "a", "b"].map((name) => ({ patient: name, name }));
  expect(byBed(beds)).toEqual(["2", "10", "a", "b"]);
  expect(alarmsFirst(beds, worst)).toEqual(["a", "b", "2", "10"]);
});

test("while somebody reads, places stay, and only what must be seen breaks in", () => {
  const reading = { places: 3, isRead: true, breaksIn: (patient: string) => patient === "vt" };
  expect(arranged(["a", "b"], ["c", "b", "a"], reading)).toEqual(["a", "b", "c"]);
  expect(arranged(["a", "b", "c"], ["c", "b"], reading)).toEqual([null, "b", "c"]);
  expect(arranged([null, "b", "c"], ["d", "c", "b"], reading)).toEqual(["d", "b", "c"]);
  expect(arranged(["a", "b", "c"], ["x", "a", "b", "c"], reading)).toEqual(["a", "b", "c"]);
  expect(arranged(["a", "b", "c"], ["vt", "a", "b", "c"], reading)).toEqual(["a", "b", "vt"]);
  expect(arranged(["a", "b", "vt"], ["c", "d", "vt", "b"], { ...reading, isRead: false })).toEqual([
    "c",
    "d",
    "vt",
  ]);
});

test("a silence quiets the alarms of its patient, but no new one of high priority", () => {
  const silence = { untilMs: 120_000 };
  const medium = after(undefined, event(alarm("a", "medium"), "fired"), silence);
  const high = after(undefined, event(alarm("a", "high"), "fired"), silence);
  expect([sounds(medium, 119_999), sounds(medium, 120_000)]).toEqual([false, true]);
  expect(sounds(high, 0)).toBe(true);
  expect(sounds({ ...high, ...acknowledged }, 0)).toBe(false);
});

test("who acknowledged stays known when the alarm ends", () => {
  const fired = listed({ ...alarm("a", "high"), silent_until_ms: 5 });
  const seen = after(fired, event(fired, "acknowledged", acknowledged), undefined);
  expect(seen).toMatchObject({ seen: { by: "vogt", atMs: 9_000 }, silentUntilMs: 5 });
  const ended = after(
    seen,
    event(fired, "resolved", { state: "resolved", by: ":rule" }),
    undefined,
  );
  expect(ended).toMatchObject({ state: "resolved", seen: { by: "vogt" } });
});

test("alarms that repeat are one row", () => {
  const again = [
    alarm("a", "low"),
    alarm("b", "low"),
    alarm("a", "low"),
    alarm("a", "low", acknowledged),
  ];
  expect(folded(again).map(({ newest, all }) => [newest.alarm, all.length])).toEqual([
    [again[2]?.alarm, 2],
    [again[1]?.alarm, 1],
    [again[3]?.alarm, 1],
  ]);
  expect(counts([...again, alarm("c", "high", { state: "resolved" })])).toEqual({
    high: 0,
    medium: 0,
    low: 4,
  });
});

test("of very many alarms those that ended are forgotten, the open ones never", () => {
  const resolved = { state: "resolved" } as const;
  const known = [
    alarm("a", "low"),
    ...Array.from({ length: 2_010 }, () => alarm("a", "low", resolved)),
    alarm("a", "low"),
  ];
  const all = new Map(known.map((each) => [each.alarm, each]));
  const kept = trimmed(all);
  expect([...kept.values()]).toEqual([known[0], ...known.slice(13)]);
  expect(trimmed(kept)).toBe(kept);
  const open = new Map(known.map((each) => [each.alarm, { ...each, state: "firing" as const }]));
  expect(trimmed(open).size).toBe(open.size);
});

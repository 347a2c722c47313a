// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  exampleAnswer,
  exampleFinding,
  exampleLabel,
  withLabels,
} from "../../../panels/exampleAnswer";
import { switchSingleKeys } from "../../../ui/single_keys";
import { choose, hover, leave } from "../pointing";
import { activeId, caliper, chosen, pointed, type Tab, tabs, tool } from "../state";
import { listenForKeys } from "./listen";

listenForKeys();

function press(key: string): void {
  document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
  );
}

function open(answer: ReturnType<typeof exampleAnswer>): void {
  const stated = { age: null, sex: null, recordingDate: null };
  const tab: Tab = {
    id: 1,
    name: "r",
    upload: { kind: "files", files: [] },
    stated,
    openedAt: new Date(),
    trace: { state: "loading" },
    answer: { state: "ready", value: answer },
    byHand: {},
  };
  tabs.value = [tab];
  activeId.value = 1;
}

beforeEach(() => switchSingleKeys(true));
afterEach(() => {
  tabs.value = [];
  chosen.value = null;
});

test("J and K walk the rows of the list, the model's labels too", () => {
  open(withLabels([exampleLabel("Ischaemia", 0.8)], [exampleFinding("pause", "critical")]));
  const seen = ["j", "j", "j", "j", "k", "k"].map((key) => {
    press(key);
    return pointed.value?.code;
  });
  expect(seen).toEqual([
    "sinus_rhythm",
    "pause",
    "ischaemia",
    "sinus_rhythm",
    "ischaemia",
    "pause",
  ]);
});

test("Escape puts the tool away and turns evidence off, also with single keys switched off", () => {
  open(exampleAnswer());
  press("j");
  switchSingleKeys(false);
  tool.value = "caliper";
  caliper.value = { lead: "II", fromS: 0, toS: 1, fromMv: 0, toMv: 0 };
  press("Escape");
  expect([tool.value, caliper.value, pointed.value?.code]).toEqual(["pan", null, "sinus_rhythm"]);
  press("Escape");
  expect(pointed.value).toBeNull();
  press("j");
  expect(pointed.value).toBeNull();
});

test("evidence is lit while it is pointed at, and stays lit once it was pressed", () => {
  const [pause, block] = [
    exampleFinding("pause", "critical"),
    exampleFinding("bigeminy", "abnormal"),
  ];
  hover(pause);
  leave(pause);
  expect(pointed.value).toBeNull();
  choose(pause);
  hover(block);
  // The focus leaves one row after the pointer has reached another.
  leave(pause);
  expect(pointed.value).toBe(block);
  leave(block);
  expect(pointed.value).toBe(pause);
  choose({ ...pause });
  expect(pointed.value).toBeNull();
});

// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { Problem } from "../../../api/problem";
import type { Person } from "../../../station/api";
import { refused } from "../patient/looking";
import { openBoard, openPatient } from "../route";
import { openDialog, persons } from "../state";
import { listenForKeys } from "./listen";

listenForKeys();

const PERSON: Person = {
  name: "p-4",
  bed: "04",
  sex: "unknown",
  birth_year: null,
  notes: "",
  rate_low: null,
  rate_high: null,
};

function press(key: string, more: KeyboardEventInit = {}): void {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  // happy-dom takes every Alt for AltGr.
  event.getModifierState = (name) => name === "AltGraph" && more.modifierAltGraph === true;
  document.body.dispatchEvent(event);
}

beforeEach(() => {
  openDialog.value = null;
  refused.value = null;
  persons.value = new Map();
  openBoard();
  openPatient("p-4");
});

test("E opens the details of a patient who is known, and of no other", () => {
  press("e");
  expect(openDialog.value).toBeNull();
  persons.value = new Map([["p-4", PERSON]]);
  refused.value = new Problem(404, "not_found", "Not found", "", null);
  press("e");
  expect(openDialog.value).toBeNull();
  refused.value = null;
  press("e");
  expect(openDialog.value).toBe("details");
});

test("a dialog does not outlast the patient's page on which it was opened", () => {
  persons.value = new Map([["p-4", PERSON]]);
  press("e");
  openBoard();
  expect(openDialog.value).toBeNull();
  press("?");
  expect(openDialog.value).toBe("help");
});

test("a character that AltGr writes acts, and Ctrl with Alt does not", () => {
  press("?", { ctrlKey: true, altKey: true });
  expect(openDialog.value).toBeNull();
  press("?", { ctrlKey: true, altKey: true, modifierAltGraph: true });
  expect(openDialog.value).toBe("help");
});

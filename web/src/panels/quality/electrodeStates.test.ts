import { expect, test } from "vitest";
import type { Quality } from "../../api/answer";
import { electrodeStates } from "./electrodeStates";

function quality(leads: Quality["leads"]): Quality {
  return {
    signal_quality: "Good",
    readable: true,
    probability_readable: 0.9,
    leads,
    findings: [],
    recommendation: "",
  };
}

test("a bad lead is shown at its electrodes", () => {
  const fault = {
    code: "lead_off",
    lead: "II",
    value: 0.1,
    limit: 0.3,
    advice: "",
    electrodes: ["RA", "LL"] as const,
  };
  const states = electrodeStates(
    quality({
      I: { word: "Good", findings: [] },
      II: { word: "Unreadable", findings: [fault] },
      V1: { word: "Good", findings: [] },
    }),
  );
  expect([states.get("RA"), states.get("LA"), states.get("LL")]).toEqual([
    "check",
    "good",
    "check",
  ]);
  expect([states.get("V1"), states.get("V2"), states.get("RL")]).toEqual([
    "good",
    "absent",
    "good",
  ]);
});

test("a watch has two electrodes", () => {
  const states = electrodeStates(quality({ I: { word: "Good", findings: [] } }));
  expect([...states].filter(([, state]) => state === "good").map(([name]) => name)).toEqual([
    "RA",
    "LA",
  ]);
});

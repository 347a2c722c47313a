// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { exampleBeat, exampleFinding } from "../exampleAnswer";
import { evidenceBands } from "./bands";

const BEATS = [exampleBeat(1), exampleBeat(1.6, "ectopic"), exampleBeat(2.8)];

test("a stretch that the evidence names is one band", () => {
  const pause = exampleFinding("pause", "abnormal", { from_s: 1.6, to_s: 4.1 });
  expect(evidenceBands(pause, BEATS, "Pause")).toEqual([
    { leads: [], fromS: 1.6, toS: 4.1, caption: "Pause" },
  ]);
});

test("ST is lit up after the complex, in the leads of the evidence", () => {
  const elevation = exampleFinding("st_elevation", "critical", { leads: ["-aVR", "II"] });
  const bands = evidenceBands(elevation, BEATS, "ST");
  expect(bands).toHaveLength(2);
  expect(bands[0]).toEqual({ leads: ["aVR", "II"], fromS: 1.05, toS: 1.05 + 0.08, caption: "ST" });
});

test("a bundle branch block lights up the usual complexes, ectopic beats their own finding", () => {
  const block = exampleFinding("right_bundle_branch_block", "abnormal");
  expect(evidenceBands(block, BEATS, "").map((band) => band.fromS)).toEqual([0.95, 2.75]);
  const bigeminy = exampleFinding("bigeminy", "abnormal", { ectopic_beats: 1 });
  const [band] = evidenceBands(bigeminy, BEATS, "");
  expect([band?.fromS, band?.toS]).toEqual([1.6 - 0.05, 1.6 + 0.35]);
});

test("low voltage is seen in the leads whose voltage is low", () => {
  const low = exampleFinding("low_voltage", "abnormal", { largest_limb_qrs_mv: 0.4 });
  expect(evidenceBands(low, BEATS, "")[0]?.leads).toEqual(["I", "II", "III", "aVR", "aVL", "aVF"]);
});

test("nothing says where a model's label was seen that no measurement belongs to", () => {
  expect(evidenceBands(exampleFinding("ischaemia", "abnormal"), BEATS, "")).toEqual([]);
});

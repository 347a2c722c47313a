// @vitest-environment happy-dom
import { expect, test } from "vitest";
import type { Analysis } from "../../api/answer";
import { exampleAnswer, exampleLabel, withLabels } from "../exampleAnswer";
import { compareAnswers, comparedBeats } from "./compareAnswers";

test("findings are new, gone or the same", () => {
  const before = withLabels([exampleLabel("Ischaemia", 0.6), exampleLabel("Infarction", 0.7)]);
  const after = withLabels([
    exampleLabel("Ischaemia", 0.8),
    exampleLabel("Bifascicular block", 0.6),
  ]);
  const { findings } = compareAnswers(before, after);
  expect(findings?.appeared.map((row) => row.statement)).toEqual(["Bifascicular block"]);
  expect(findings?.gone.map((row) => row.statement)).toEqual(["Infarction"]);
  expect(findings?.same.map((row) => row.statement)).toEqual(["Sinus rhythm", "Ischaemia"]);
});

test("with a recording that is not judged, nothing is new or gone", () => {
  const judged = withLabels([exampleLabel("Ischaemia", 0.8)]);
  const unjudged = exampleAnswer({ findings: null });
  expect(compareAnswers(judged, unjudged).findings).toBeNull();
  expect(compareAnswers(unjudged, judged).findings).toBeNull();
});

test("a value that left its range on the other side is another finding", () => {
  const flagged = (value: number) =>
    measuring({ flags: [{ name: "pr_ms", value, range: [120, 200], source: "a book" }] });
  const { findings } = compareAnswers(flagged(110), flagged(240));
  expect(findings?.gone.map((row) => row.statement)).toEqual(["PR interval short"]);
  expect(findings?.appeared.map((row) => row.statement)).toEqual(["PR interval long"]);
});

function measuring(changes: object): Analysis {
  const answer = exampleAnswer();
  if (!answer.measurements) throw new Error("the example is measured");
  return { ...answer, measurements: { ...answer.measurements, ...changes } };
}

function compared(name: string, before: number, after: number) {
  const { measurements } = compareAnswers(
    measuring({ [name]: before }),
    measuring({ [name]: after }),
  );
  return measurements.find((row) => row.name === name);
}

test("a difference counts that is larger than both uncertainties together", () => {
  // The example's QRS is known to 10 ms: two of them together to 14 ms.
  expect(compared("qrs_ms", 92, 106)).toMatchObject({ difference: "+14", isBeyond: false });
  expect(compared("qrs_ms", 92, 77)).toMatchObject({ difference: "−15", isBeyond: true });
});

test("an axis turns the short way round", () => {
  expect(compared("qrs_axis_deg", -170, 170)?.difference).toBe("−20");
});

test("mean beats are laid R on R", () => {
  const beat = (r: number, fs: number) => ({
    ...exampleAnswer(),
    representative_beat: {
      fs,
      r,
      lead_names: ["II"],
      data: [Array.from({ length: 1.4 * fs }, (_, at) => (at === Math.round(r * fs) ? 1 : 0.1))],
      fiducials: {},
    },
  });
  const sheet = comparedBeats(beat(0.5, 100), beat(0.7, 200));
  const tips = sheet?.boxes[0]?.paths.map((path) => highest(path));
  expect(tips?.[0]).toBeCloseTo(tips?.[1] ?? 0, 1);
});

/** Where a path is highest, in mm from the left. */
function highest(path: string): number {
  const points = path
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(" ").map(Number));
  return points.toSorted((one, other) => (one[1] ?? 0) - (other[1] ?? 0))[0]?.[0] ?? Number.NaN;
}

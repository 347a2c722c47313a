import { expect, test } from "vitest";
import type { Analysis } from "../../../api/answer";
import { csvOf, measurementsCsv, samplesCsv } from "./csv";

test("cells with commas, quotes and lines are quoted", () => {
  expect(csvOf([["a,b", 'say "x"', null, -1.5, "two\nlines"]])).toBe(
    '"a,b","say ""x""",,-1.5,"two\nlines"\r\n',
  );
});

test("samples have their time, dots in numbers, and nothing in a gap", () => {
  const leads = new Map([
    ["I", new Float32Array([0.1, Number.NaN])],
    ["V1", new Float32Array([-0.25, 1])],
  ]);
  const text = samplesCsv({ fs: 500, samples: 2, leadNames: ["I", "V1"], leads });
  expect(text).toBe("time_s,I_mV,V1_mV\r\n0,0.1,-0.25\r\n0.002,,1\r\n");
});

test("a lead without samples is empty, not zero", () => {
  const text = samplesCsv({ fs: 500, samples: 1, leadNames: ["V2"], leads: new Map() });
  expect(text).toBe("time_s,V2_mV\r\n0,\r\n");
});

test("a value by hand stands instead of ours, and says so; every value has its range", () => {
  const measurements = {
    method: "delineator",
    qrs_ms: 120,
    pr_ms: null,
    qt_ms: 400,
    heart_rate_bpm: 60,
    qtc_bazett_ms: 400,
    uncertainty_ms: { qrs_ms: 9 },
    reference_ranges: {
      qrs_ms: { low: 70, high: 130, source: "someone, 2009" },
      qtc_bazett_ms: { low: null, high: 450, source: "a book" },
    },
  };
  const text = measurementsCsv({ measurements } as unknown as Analysis, { qt_ms: 412 });
  expect(text.split("\r\n")).toEqual([
    "measurement,unit,value,plus_minus,low,high,range_source,by_hand",
    'qrs_ms,ms,120,9,70,130,"someone, 2009",no',
    "pr_ms,ms,,,,,,no",
    "qt_ms,ms,412,,,,,yes",
    "heart_rate_bpm,1/min,60,,,,,no",
    "qtc_bazett_ms,ms,412,,,450,a book,yes",
    "",
  ]);
});

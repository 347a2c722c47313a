import { expect, test } from "vitest";
import { byRecordingDate, isRecordedBefore } from "./recorded";

test("recordings are ordered by the recorder's clock", () => {
  expect(isRecordedBefore("2024-05-01 08:37", "2024-05-01T09:00:00")).toBe(true);
  expect(isRecordedBefore("2024-05-01T09:00:00", "2024-05-01 08:37")).toBe(false);
  const dates = ["2025-01-02", null, "2023-12-31T23:59:59+02:00", "2024-02-22T08:37"];
  expect(byRecordingDate(dates, (date) => date)).toEqual([null, dates[2], dates[3], dates[0]]);
});

test("without both dates, neither was before the other", () => {
  expect(isRecordedBefore(null, "2024-05-01")).toBe(false);
  expect(isRecordedBefore("2024-05-01", "yesterday")).toBe(false);
});

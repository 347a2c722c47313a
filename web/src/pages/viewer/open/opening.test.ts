// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { jsonRecords } from "./opening";

test("one record, or several, are read from the text of a request", () => {
  expect(jsonRecords('{"signal": [[1]]}')).toEqual([{ signal: [[1]] }]);
  expect(jsonRecords('{"records": [{"signal": [[1]]}, {"signal": [[2]]}]}')).toHaveLength(2);
});

test.each([
  '{"records": [null]}',
  '{"records": [{"signal": []}, 3]}',
  '{"records": []}',
  "I,II\n1,2",
  "null",
])("%s is left to the server, which says what is wrong", (text) => {
  expect(jsonRecords(text)).toBeNull();
});

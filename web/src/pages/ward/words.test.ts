// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { chooseLanguage } from "../../i18n";
import { now } from "./state";
import { momentText } from "./words";

afterEach(() => chooseLanguage("en"));

test("a moment of another day than today has its date", () => {
  const midnight = new Date(2026, 1, 22).getTime();
  const before = midnight - 1;
  now.value = new Date(2026, 1, 22, 12).getTime();
  expect(momentText(midnight)).toBe("00:00:00");
  expect(momentText(before)).toBe("21 Feb 2026, 23:59:59");
  now.value = before;
  expect(momentText(midnight)).toBe("22 Feb 2026, 00:00:00");
  chooseLanguage("de");
  expect(momentText(midnight)).toBe("22.02.2026, 00:00:00");
});

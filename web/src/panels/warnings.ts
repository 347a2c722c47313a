/** The server's warnings, "field: sentence", which stay in English. */
import type { Analysis } from "../api/answer";

export interface Warning {
  readonly field: string;
  readonly sentence: string;
}

export function warningsOf(answer: Analysis): readonly Warning[] {
  return answer.warnings.map((text) => {
    const end = text.indexOf(": ");
    if (end < 0) return { field: "", sentence: text };
    return { field: text.slice(0, end), sentence: text.slice(end + 2) };
  });
}

/** Why a part of the answer is null; null where the server gave no reason. */
export function reasonOf(answer: Analysis, part: string): string | null {
  return warningsOf(answer).find((warning) => warning.field === part)?.sentence ?? null;
}

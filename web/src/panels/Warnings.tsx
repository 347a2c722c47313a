/** What the server ignored, doubts or could not compute, and why; its own sentences, in English. */
import type { Analysis } from "../api/answer";
import { words } from "../i18n";
import "./Warnings.css";
import { warningsOf } from "./warnings";

export function Warnings({ answer }: { readonly answer: Analysis | null }) {
  const warnings = answer === null ? [] : warningsOf(answer);
  if (warnings.length === 0) return null;
  return (
    <details class="warnings">
      <summary>{words.value.panels.warnings(warnings.length)}</summary>
      <ul lang="en">
        {warnings.map((warning) => (
          <li key={`${warning.field}: ${warning.sentence}`}>
            {warning.field !== "" && <code>{warning.field}</code>} {warning.sentence}
          </li>
        ))}
      </ul>
    </details>
  );
}

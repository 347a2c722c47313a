/** What stands where a part of the answer is not there: waiting, or the server's reason. */
import type { Analysis } from "../api/answer";
import { words } from "../i18n";
import "./Missing.css";
import { reasonOf } from "./warnings";

/** Grey bars that keep still while the answer is on its way. */
export function Waiting({ rows }: { readonly rows: number }) {
  return (
    <div class="waiting" role="status" aria-label={words.value.panels.reading}>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} class={`waiting-bar waiting-bar-${row % 3}`} />
      ))}
    </div>
  );
}

interface NotAvailableProps {
  readonly answer: Analysis;
  /** The field that is null, by which the warnings give the reason. */
  readonly part: string;
}

export function NotAvailable({ answer, part }: NotAvailableProps) {
  const reason = reasonOf(answer, part);
  return (
    <p class="not-available">
      {words.value.panels.notAvailable}
      {reason !== null && <span lang="en">{reason}</span>}
    </p>
  );
}

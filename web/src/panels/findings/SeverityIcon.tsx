/** A severity as a shape, so that it can be told without its colour. */
import type { Finding } from "../../api/answer";
import "./SeverityIcon.css";

type Severity = Finding["severity"];

const SHAPES: Readonly<Record<Severity, preact.JSX.Element>> = {
  normal: (
    <>
      <circle cx="8" cy="8" r="6.5" />
      <path d="M5 8.2 7.2 10.4 11 6" />
    </>
  ),
  abnormal: (
    <>
      <path d="M8 1.8 14.8 13.9 H1.2 Z" />
      <path d="M8 6.2 V9.6 M8 11.4 V12" />
    </>
  ),
  critical: (
    <>
      <path class="severity-fill" d="M8 .8 15.2 8 8 15.2 .8 8 Z" />
      <path class="severity-hole" d="M8 4.4 V8.8 M8 10.8 V11.4" />
    </>
  ),
  technical: (
    <>
      <rect x="1.8" y="1.8" width="12.4" height="12.4" rx="2" />
      <path d="M5 8 H11" />
    </>
  ),
};

/** Decoration: a word beside it must say the same. */
export function SeverityIcon({ severity }: { readonly severity: Severity }) {
  return (
    <svg class={`icon severity severity-${severity}`} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[severity]}
    </svg>
  );
}

/** How well the recording can be read, in one word, with the leads to check. */
import type { Quality } from "../../api/answer";
import { words } from "../../i18n";
import "./QualityChip.css";
import { SeverityIcon } from "../findings/SeverityIcon";

/** More leads than these are counted, not named. */
const MOST_NAMED = 3;

export function QualityChip({ quality }: { readonly quality: Quality | null }) {
  if (quality === null) return null;
  const said = words.value;
  const word = said.clinical.quality.words[quality.signal_quality];
  const faulty = Object.entries(quality.leads)
    .filter(([, lead]) => lead.findings.length > 0)
    .map(([name]) => name);
  const named = faulty.slice(0, MOST_NAMED).join(", ");
  const leads = faulty.length > MOST_NAMED ? `${named}, …` : named;
  const isFine = faulty.length === 0 && quality.readable;
  const check = faulty.length === 0 ? "" : `, ${said.panels.check(leads)}`;
  return (
    <span class={`chip quality-chip ${isFine ? "quality-fine" : "quality-faulty"}`}>
      <SeverityIcon severity={isFine ? "normal" : "technical"} />
      {said.panels.qualityChip(word)}
      {check}
    </span>
  );
}

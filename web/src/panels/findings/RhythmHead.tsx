/** The rhythm and the rate: what is read first, so the largest of the page. */
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import "./RhythmHead.css";
import { isJudged, rhythmOf } from "./rhythm";

export function RhythmHead({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  if (answer === null) {
    return (
      <header class="rhythm-head">
        <p class="rhythm-caption">{said.rhythm}</p>
        <h2 class="rhythm-name rhythm-pending">{said.rhythmPending}</h2>
      </header>
    );
  }
  const rate = answer.measurements?.heart_rate_bpm ?? answer.clinical_analysis?.heart_rate ?? null;
  const byRules = answer.clinical_analysis?.rhythm_source === "rules" && isJudged(answer);
  const rhythm = rhythmOf(answer);
  return (
    <header class="rhythm-head">
      <p class="rhythm-caption">{byRules ? said.rhythmByRules : said.rhythm}</p>
      <h2 class={`rhythm-name ${rhythm === null ? "rhythm-pending" : ""}`}>
        {rhythm ?? said.notJudged}
      </h2>
      {rate !== null && (
        <p class="rhythm-rate">
          {number(rate)}
          <span class="rhythm-unit">/min</span>
        </p>
      )}
    </header>
  );
}

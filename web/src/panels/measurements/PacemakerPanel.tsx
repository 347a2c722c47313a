/** Whether a pacemaker paces the heart, and by what evidence. */
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import { NotAvailable } from "../Missing";
import "./PacemakerPanel.css";
import { reasonOf } from "../warnings";

export function PacemakerPanel({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  if (answer === null) return null;
  const part = answer.pacemaker;
  if (!part || part.present === null) {
    return (
      <section class="pacemaker">
        <div class="panel-head">
          <h3>{said.pacemaker}</h3>
        </div>
        <NotAvailable answer={answer} part="pacemaker" />
      </section>
    );
  }
  const { evidence } = part;
  const unseen = part.visible ? null : reasonOf(answer, "pacemaker");
  return (
    <section class="pacemaker">
      <div class="panel-head">
        <h3>{said.pacemaker}</h3>
        <p>{part.present ? said.pacemakerPresent : said.pacemakerAbsent}</p>
      </div>
      <dl>
        <dt>{said.probability}</dt>
        <dd>{number(part.probability, 2)}</dd>
        <dt>{said.spikes}</dt>
        <dd>{part.visible ? number(evidence.spikes) : said.spikesUnseen}</dd>
        {evidence.chamber !== null && (
          <>
            <dt>{said.chamber}</dt>
            <dd>{said.chambers[evidence.chamber]}</dd>
          </>
        )}
        <dt>{said.byForm}</dt>
        <dd>{number(evidence.morphology, 2)}</dd>
        <dt>{said.byLabel}</dt>
        <dd>{number(evidence.label, 2)}</dd>
      </dl>
      {unseen !== null && (
        <p class="pacemaker-note" lang="en">
          {unseen}
        </p>
      )}
    </section>
  );
}

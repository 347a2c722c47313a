/** Beside the paper: the rhythm first, then what is abnormal, then numbers, then probabilities. */
import type { Analysis } from "../../../api/answer";
import { outage } from "../../../api/connection";
import { clock, words } from "../../../i18n";
import { FindingList } from "../../../panels/findings/FindingList";
import { ProbabilityBars, SuperclassBars } from "../../../panels/findings/ProbabilityBars";
import { RhythmHead } from "../../../panels/findings/RhythmHead";
import { MeasurementTable } from "../../../panels/measurements/MeasurementTable";
import { PacemakerPanel } from "../../../panels/measurements/PacemakerPanel";
import { ReportedByMachine } from "../../../panels/measurements/ReportedByMachine";
import { Warnings } from "../../../panels/Warnings";
import { choose, hover, leave } from "../pointing";
import { chosen, pointed, type Tab } from "../state";
import { Failure } from "../states/Failure";
import { Notices } from "../states/Notices";
import { UseCaliper } from "./UseCaliper";
import "./panel.css";

export function Panel({ tab }: { tab: Tab }) {
  if (tab.answer.state === "failed") {
    return (
      <section class="panel" id="findings">
        <Failure tab={tab} error={tab.answer.error} />
      </section>
    );
  }
  const answer = tab.answer.state === "ready" ? tab.answer.value : null;
  return (
    <section class="panel" id="findings" tabIndex={-1} aria-label={words.value.panels.findings}>
      <Notices answer={answer} />
      <div class="panel-rhythm">
        <Age tab={tab} />
        <RhythmHead answer={answer} />
      </div>
      <div class="panel-parts">
        <Findings answer={answer} />
        <div>
          <UseCaliper tab={tab} />
          <MeasurementTable answer={answer} byHand={tab.byHand} />
        </div>
        <div>
          <ProbabilityBars answer={answer} />
        </div>
        <div>
          <SuperclassBars answer={answer} />
        </div>
        <div>
          <PacemakerPanel answer={answer} />
        </div>
        <div>
          <ReportedByMachine answer={answer} />
        </div>
        <div>
          <Warnings answer={answer} />
        </div>
      </div>
    </section>
  );
}

export function Findings({ answer }: { answer: Analysis | null }) {
  return (
    <div>
      <FindingList
        answer={answer}
        pointed={pointed.value}
        chosen={chosen.value}
        onPoint={hover}
        onLeave={leave}
        onChoose={choose}
      />
    </div>
  );
}

/** How old what is shown is, while the server cannot be asked. */
export function Age({ tab }: { tab: Tab }) {
  if (outage.value === null) return null;
  return <p class="age">{words.value.states.asOf(clock(tab.answeredAt ?? tab.openedAt))}</p>;
}

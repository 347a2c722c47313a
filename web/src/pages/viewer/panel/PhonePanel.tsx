/** On a phone: the rhythm over the paper, and one part of the panel at a time below it. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { words } from "../../../i18n";
import { RepresentativeBeats } from "../../../panels/beats/RepresentativeBeats";
import { countsOf, findingRows } from "../../../panels/findings/findingRows";
import { ProbabilityBars, SuperclassBars } from "../../../panels/findings/ProbabilityBars";
import { RhythmHead } from "../../../panels/findings/RhythmHead";
import { AxisDial } from "../../../panels/measurements/AxisDial";
import { MatrixTable } from "../../../panels/measurements/MatrixTable";
import { MeasurementTable } from "../../../panels/measurements/MeasurementTable";
import { PacemakerPanel } from "../../../panels/measurements/PacemakerPanel";
import { ReportedByMachine } from "../../../panels/measurements/ReportedByMachine";
import { ElectrodeFigure } from "../../../panels/quality/ElectrodeFigure";
import { Warnings } from "../../../panels/Warnings";
import type { Tab } from "../state";
import { Failure } from "../states/Failure";
import { Notices } from "../states/Notices";
import { Age, Findings } from "./Panel";
import { UseCaliper } from "./UseCaliper";
import "./panel.css";

const PARTS = ["findings", "measurements", "quality", "beats", "probabilities"] as const;
type Part = (typeof PARTS)[number];

export function PhonePanel({ tab, paper }: { tab: Tab; paper: ComponentChildren }) {
  const part = useSignal<Part>("findings");
  if (tab.answer.state === "failed") {
    return (
      <>
        {paper}
        <section class="panel" id="findings">
          <Failure tab={tab} error={tab.answer.error} />
        </section>
      </>
    );
  }
  const answer = tab.answer.state === "ready" ? tab.answer.value : null;
  const rows = answer === null ? null : findingRows(answer);
  const count = rows === null ? "" : ` ${countsOf(rows).abnormal + countsOf(rows).technical || ""}`;
  const { panels } = words.value;
  return (
    <>
      <Notices answer={answer} />
      <div class="panel-rhythm">
        <Age tab={tab} />
        <RhythmHead answer={answer} />
      </div>
      {paper}
      <nav class="part-tabs" aria-label={panels.findings}>
        {PARTS.map((each) => (
          <button
            key={each}
            type="button"
            aria-current={part.value === each ? "true" : undefined}
            onClick={() => {
              part.value = each;
            }}
          >
            {each === "beats" ? panels.beatsShort : panels[each]}
            {each === "findings" && count}
          </button>
        ))}
      </nav>
      <section class="panel" id="findings" tabIndex={-1} aria-label={panels[part.value]}>
        <div class="panel-parts">
          {part.value === "findings" && <Findings answer={answer} />}
          {part.value === "measurements" && (
            <div>
              <UseCaliper tab={tab} />
              <MeasurementTable answer={answer} byHand={tab.byHand} />
            </div>
          )}
          {part.value === "quality" && <ElectrodeFigure answer={answer} />}
          {part.value === "beats" && (
            <>
              <RepresentativeBeats answer={answer} />
              <AxisDial answer={answer} />
              <MatrixTable answer={answer} />
            </>
          )}
          {part.value === "probabilities" && (
            <>
              <ProbabilityBars answer={answer} />
              <SuperclassBars answer={answer} />
              <PacemakerPanel answer={answer} />
              <ReportedByMachine answer={answer} />
              <Warnings answer={answer} />
            </>
          )}
        </div>
      </section>
    </>
  );
}

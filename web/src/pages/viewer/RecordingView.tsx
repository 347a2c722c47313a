/** One opened recording: who it is, the tools, the paper, and what was found. */

import { outage } from "../../api/connection";
import { clock, number, words } from "../../i18n";
import { Paper } from "../../paper/Paper";
import { Icon } from "../../ui/icons";
import { PatientLine } from "./shell/PatientLine";
import * as state from "./state";
import { Failure } from "./states/Failure";
import { Waiting } from "./states/Waiting";
import "./recording.css";

const NO_MARKS = { beats: [], evidence: [], poorLeads: [], spikesS: [] };

export function RecordingView({ tab }: { tab: state.Tab }) {
  if (tab.trace.state === "failed") return <Failure tab={tab} error={tab.trace.error} />;
  const isOld = outage.value !== null;
  return (
    <div class={isOld ? "recording old" : "recording"}>
      <PatientLine tab={tab} />
      {tab.trace.state === "ready" && (
        <div class="paper-area">
          <Paper
            recording={tab.trace.value}
            display={state.display.value}
            marks={NO_MARKS}
            tool={state.tool.value}
            caliper={state.caliper.value}
            onCaliper={(placed) => {
              state.caliper.value = placed;
            }}
            onCrop={(span) => {
              state.crop.value = span;
            }}
            description={tab.name}
          />
        </div>
      )}
      <section class="panel" id="findings">
        <PanelContent tab={tab} />
      </section>
    </div>
  );
}

function PanelContent({ tab }: { tab: state.Tab }) {
  if (tab.answer.state === "loading") return <Waiting hasTrace={tab.trace.state === "ready"} />;
  if (tab.answer.state === "failed") return <Failure tab={tab} error={tab.answer.error} />;
  const answer = tab.answer.value;
  return (
    <>
      {outage.value !== null && <p class="age">{words.value.states.asOf(clock(tab.openedAt))}</p>}
      <h2>
        {answer.clinical_analysis?.rhythm} {number(answer.clinical_analysis?.heart_rate)}
      </h2>
      <ul>
        {answer.findings?.map((finding) => (
          <li key={finding.code}>
            <Icon name={finding.severity === "normal" ? "check" : "alert"} /> {finding.statement}
          </li>
        ))}
      </ul>
    </>
  );
}

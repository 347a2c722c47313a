/** One opened recording: who it is, the tools, the paper, and what was found. */
import { outage } from "../../api/connection";
import { words } from "../../i18n";
import { Dock } from "../../panels/Dock";
import { rhythmOf } from "../../panels/findings/rhythm";
import { Paper } from "../../paper/Paper";
import { PaperTools } from "../../paper/PaperTools";
import { singleKeys } from "../../ui/single_keys";
import { viewport } from "../../ui/viewport";
import { marks } from "./marks";
import { Panel } from "./panel/Panel";
import { PhonePanel } from "./panel/PhonePanel";
import { PatientLine, personText, whenText } from "./shell/PatientLine";
import * as state from "./state";
import { Failure } from "./states/Failure";
import "./recording.css";

export function RecordingView({ tab }: { tab: state.Tab }) {
  if (tab.trace.state === "failed") return <Failure tab={tab} error={tab.trace.error} />;
  const isPhone = viewport.value === "phone";
  return (
    <div class={outage.value === null ? "recording" : "recording old"}>
      {!isPhone && <PatientLine tab={tab} />}
      {isPhone ? <PhoneParts tab={tab} /> : <DeskParts tab={tab} />}
    </div>
  );
}

function PhoneParts({ tab }: { tab: state.Tab }) {
  const paper = (
    <>
      <Tools tab={tab} />
      <PaperArea tab={tab} />
    </>
  );
  return <PhonePanel tab={tab} paper={paper} />;
}

function DeskParts({ tab }: { tab: state.Tab }) {
  return (
    <>
      <Tools tab={tab} />
      <PaperArea tab={tab} />
      <Panel tab={tab} />
      {tab.answer.state !== "failed" && (
        <Dock answer={tab.answer.state === "ready" ? tab.answer.value : null} />
      )}
    </>
  );
}

function Tools({ tab }: { tab: state.Tab }) {
  if (tab.trace.state !== "ready") return null;
  return (
    <PaperTools
      display={state.display.value}
      onDisplay={state.show}
      tool={state.tool.value}
      onTool={(tool) => {
        state.tool.value = tool;
      }}
      leadNames={tab.trace.value.leadNames}
      singleKeys={singleKeys.value}
    />
  );
}

function PaperArea({ tab }: { tab: state.Tab }) {
  if (tab.trace.state !== "ready") return <div class="paper-area" aria-busy="true" />;
  return (
    <section class="paper-area" aria-label={words.value.app.trace}>
      <Paper
        recording={tab.trace.value}
        display={state.display.value}
        marks={marks.value}
        tool={state.tool.value}
        caliper={state.caliper.value}
        onCaliper={(placed) => {
          state.caliper.value = placed;
        }}
        onCrop={(span) => void state.openCrop(tab, span)}
        singleKeys={singleKeys.value}
        description={descriptionOf(tab)}
      />
    </section>
  );
}

/** What a screen reader says of the picture. */
function descriptionOf(tab: state.Tab): string {
  if (tab.answer.state !== "ready") return tab.name;
  const answer = tab.answer.value;
  return [tab.name, personText(tab), whenText(tab), rhythmOf(answer) ?? ""]
    .filter((part) => part !== "" && part !== "–")
    .join(", ");
}

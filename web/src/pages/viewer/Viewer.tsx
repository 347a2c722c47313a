import { words } from "../../i18n";
import { Paper } from "../../paper/Paper";
import * as state from "./state";

const NO_MARKS = { beats: [], evidence: [], poorLeads: [], spikesS: [] };

export function Viewer() {
  const tab = state.activeTab.value;
  return (
    <main>
      <h1>{words.value.app.title}</h1>
      {tab?.trace.state === "ready" && (
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
      )}
      <footer>{words.value.app.researchUse}</footer>
    </main>
  );
}

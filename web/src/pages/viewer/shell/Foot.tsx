/** What always stands on the page: research use, which model spoke, and the way to the other pages. */
import type { Analysis } from "../../../api/answer";
import { number, words } from "../../../i18n";
import { activeTab } from "../state";
import "./foot.css";

export function Foot() {
  const { app } = words.value;
  const answer = activeTab.value?.answer;
  return (
    <footer class="foot">
      <strong>{app.researchUse}</strong>
      {answer?.state === "ready" && <Origin answer={answer.value} />}
      <nav>
        <a href="./status">{app.status}</a>
        <a href="./docs">{app.documentation}</a>
        <a href="./assets/licences.txt">{app.licences}</a>
      </nav>
    </footer>
  );
}

function Origin({ answer }: { answer: Analysis }) {
  const { model } = answer;
  return (
    <p>
      {model.labels ?? model.encoder?.name ?? ""}
      <span>{answer.version}</span>
      <span>{number(answer.processing_time * 1000)} ms</span>
    </p>
  );
}

/** What always stands on the page: research use, which model spoke, and the way to the other pages. */
import { words } from "../../../i18n";
import { ModelFoot } from "../../../panels/ModelFoot";
import { activeTab } from "../state";
import "./foot.css";

export function Foot() {
  const { app } = words.value;
  const answer = activeTab.value?.answer;
  return (
    <footer class="foot">
      <strong>{app.researchUse}</strong>
      {answer?.state === "ready" && <ModelFoot answer={answer.value} />}
      <nav>
        <a href="./status">{app.status}</a>
        <a href="./docs">{app.documentation}</a>
        <a href="./assets/licences.txt">{app.licences}</a>
      </nav>
    </footer>
  );
}

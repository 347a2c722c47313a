/** What the panel shows until the server has answered: still grey bars, nothing that moves. */
import { words } from "../../../i18n";
import "./states.css";

const LENGTHS = ["86%", "68%", "77%", "54%"];

export function Waiting({ hasTrace }: { hasTrace: boolean }) {
  const { states } = words.value;
  return (
    <div class="waiting" aria-busy="true">
      <p>{hasTrace ? states.model : states.reading}</p>
      <h2>{states.rhythmPending}</h2>
      {LENGTHS.map((length) => (
        <div key={length} class="bar" style={{ "--length": length }} />
      ))}
    </div>
  );
}

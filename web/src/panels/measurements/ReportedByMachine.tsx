/** The machine's own statements and values, beside the server's. */
import type { Analysis } from "../../api/answer";
import { words } from "../../i18n";
import "./ReportedByMachine.css";
import { reportedRows } from "./reportedRows";

/** Nothing where the file holds nothing of its machine. */
export function ReportedByMachine({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  const reported = answer?.reported ?? null;
  if (reported === null) return null;
  const rows = reportedRows(reported, answer?.measurements ?? null);
  if (rows.length === 0 && reported.statements.length === 0) return null;
  return (
    <section class="reported">
      <div class="panel-head">
        <h3>{said.machine}</h3>
        {reported.device !== null && <p>{reported.device}</p>}
      </div>
      {rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span class="visually-hidden">{said.measurements}</span>
              </th>
              <th scope="col">{said.machineValue}</th>
              <th scope="col">{said.ours}</th>
              <th scope="col">{said.difference}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name} class={row.isFar ? "reported-far" : ""}>
                <th scope="row">{row.name}</th>
                <td>{row.machine}</td>
                <td>{row.ours}</td>
                <td title={row.isFar ? said.beyondOurs : undefined}>{row.difference}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {reported.statements.length > 0 && (
        <>
          <h4>{said.machineStatements}</h4>
          <ul>
            {reported.statements.map((statement) => (
              <li key={statement}>{statement}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

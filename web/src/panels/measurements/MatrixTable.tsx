/** Amplitudes and durations of the waves in each lead. */
import type { Analysis, MatrixRow } from "../../api/answer";
import { number, words } from "../../i18n";
import "./MatrixTable.css";
import { NotAvailable, Waiting } from "../Missing";

/** Field of a row, head of its column, decimals. */
const COLUMNS: readonly (readonly [Exclude<keyof MatrixRow, "derived">, string, number])[] = [
  ["p_mv", "P mV", 2],
  ["p_ms", "P ms", 0],
  ["q_mv", "Q mV", 2],
  ["q_ms", "Q ms", 0],
  ["r_mv", "R mV", 2],
  ["r_ms", "R ms", 0],
  ["s_mv", "S mV", 2],
  ["s_ms", "S ms", 0],
  ["r2_mv", "R′ mV", 2],
  ["r2_ms", "R′ ms", 0],
  ["jp_mv", "J-P mV", 2],
  ["j_mv", "J mV", 2],
  ["st40_mv", "ST40 mV", 2],
  ["st60_mv", "ST60 mV", 2],
  ["st80_mv", "ST80 mV", 2],
  ["st_slope_mv_s", "ST mV/s", 1],
  ["t_mv", "T mV", 2],
];

export function MatrixTable({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  if (answer === null) return <Waiting rows={6} />;
  const matrix = answer.matrix;
  if (!matrix) return <NotAvailable answer={answer} part="matrix" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways by the arrow keys
    <section class="matrix" tabIndex={0} aria-label={said.matrix}>
      <table>
        <thead>
          <tr>
            <th scope="col">{said.lead}</th>
            {COLUMNS.map(([name, head]) => (
              <th key={name} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(matrix).map(([lead, row]) => (
            <tr key={lead}>
              <th scope="row" title={row.derived ? said.derivedLead : undefined}>
                {lead}
                {row.derived && "*"}
              </th>
              {COLUMNS.map(([name, , digits]) => (
                <td key={name}>{number(row[name], digits)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {Object.values(matrix).some((row) => row.derived) && <p>* {said.derivedLead}</p>}
    </section>
  );
}

/** The findings as rows. The one that is pointed at lights up on the trace. */
import type { Analysis, Finding } from "../../api/answer";
import { words } from "../../i18n";
import "./FindingList.css";
import { NotAvailable, Waiting } from "../Missing";
import { countsOf, type FindingRow, findingRows } from "./findingRows";
import { SeverityIcon } from "./SeverityIcon";

interface Props {
  readonly answer: Analysis | null;
  readonly pointed: Finding | null;
  /** A finding under the pointer or the focus; null when it leaves. */
  readonly onPoint: (finding: Finding | null) => void;
  /** A finding was chosen: keep it lit and bring its evidence into view. */
  readonly onChoose: (finding: Finding) => void;
}

export function FindingList({ answer, pointed, onPoint, onChoose }: Props) {
  const said = words.value.panels;
  const rows = answer === null ? null : findingRows(answer);
  const counts = rows === null ? null : countsOf(rows);
  return (
    <section class="findings">
      <div class="panel-head">
        <h3>{said.findings}</h3>
        {counts !== null && <p>{said.counts(counts.abnormal, counts.technical)}</p>}
      </div>
      {answer === null && <Waiting rows={5} />}
      {answer !== null && rows === null && <NotAvailable answer={answer} part="findings" />}
      {rows !== null && (
        <ul>
          {rows.map((row) => (
            <Row
              key={row.key}
              row={row}
              isPointed={pointed !== null && isSame(row.finding, pointed)}
              onPoint={onPoint}
              onChoose={onChoose}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface RowProps {
  readonly row: FindingRow;
  readonly isPointed: boolean;
  readonly onPoint: (finding: Finding | null) => void;
  readonly onChoose: (finding: Finding) => void;
}

function Row({ row, isPointed, onPoint, onChoose }: RowProps) {
  const point = () => onPoint(row.finding);
  const leave = () => onPoint(null);
  return (
    <li>
      <button
        type="button"
        class={`finding finding-${row.severity} ${row.level === 1 ? "finding-child" : ""}`}
        aria-pressed={isPointed}
        onPointerEnter={point}
        onPointerLeave={leave}
        onFocus={point}
        onBlur={leave}
        onClick={() => onChoose(row.finding)}
      >
        <SeverityIcon severity={row.severity} />
        <span class="visually-hidden">{words.value.panels.severity[row.severity]}: </span>
        <span class="finding-statement">{row.statement}</span>
        <span class="finding-value">{row.value}</span>
        <span class="finding-detail">{row.detail}</span>
      </button>
    </li>
  );
}

/** Rows are made anew with every drawing, so findings are told apart by what they say. */
function isSame(one: Finding, other: Finding): boolean {
  return one.code === other.code && String(one.evidence.leads) === String(other.evidence.leads);
}

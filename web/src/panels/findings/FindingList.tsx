/** The findings as rows. The one that is pointed at lights up on the trace. */
import type { Analysis, Finding } from "../../api/answer";
import { words } from "../../i18n";
import "./FindingList.css";
import { NotAvailable, Waiting } from "../Missing";
import { isSameFinding } from "./facts";
import { countsOf, type FindingRow, findingRows } from "./findingRows";
import { SeverityIcon } from "./SeverityIcon";

interface Props {
  readonly answer: Analysis | null;
  /** The finding that is lit: under the pointer or the focus, else the chosen one. */
  readonly pointed: Finding | null;
  /** The finding that stays lit. */
  readonly chosen: Finding | null;
  /** The pointer or the focus came to a finding. */
  readonly onPoint: (finding: Finding) => void;
  readonly onLeave: (finding: Finding) => void;
  /** A finding was pressed: it stays lit, until it is pressed again. */
  readonly onChoose: (finding: Finding) => void;
}

export function FindingList({ answer, pointed, chosen, ...actions }: Props) {
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
              isPointed={isSameFinding(row.finding, pointed)}
              isChosen={isSameFinding(row.finding, chosen)}
              {...actions}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface RowProps extends Pick<Props, "onPoint" | "onLeave" | "onChoose"> {
  readonly row: FindingRow;
  readonly isPointed: boolean;
  readonly isChosen: boolean;
}

function Row({ row, isPointed, isChosen, onPoint, onLeave, onChoose }: RowProps) {
  const point = () => onPoint(row.finding);
  const leave = () => onLeave(row.finding);
  const classes = [
    "finding",
    `finding-${row.severity}`,
    row.level === 1 ? "finding-child" : "",
    isPointed ? "finding-pointed" : "",
  ];
  return (
    <li>
      <button
        type="button"
        class={classes.filter((each) => each !== "").join(" ")}
        aria-pressed={isChosen}
        onPointerEnter={point}
        onPointerLeave={leave}
        onFocus={point}
        onBlur={leave}
        onClick={() => onChoose(row.finding)}
      >
        <SeverityIcon severity={row.severity} />
        <span class="visually-hidden">{words.value.panels.severity[row.severity]}: </span>
        <span class="finding-statement" lang={row.statementLang}>
          {row.statement}
        </span>
        <span class="finding-value">{row.value}</span>
        <span class="finding-detail" lang={row.detailLang}>
          {row.detail}
        </span>
      </button>
    </li>
  );
}

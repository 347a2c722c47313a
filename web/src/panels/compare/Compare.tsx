/** Two opened recordings side by side: mean beats over each other, measurements, findings. */
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import { BeatBox } from "../beats/BeatBox";
import "./Compare.css";
import type { FindingRow } from "../findings/findingRows";
import { isJudged } from "../findings/rhythm";
import { SeverityIcon } from "../findings/SeverityIcon";
import { type ComparedMeasurement, compareAnswers, comparedBeats } from "./compareAnswers";

export interface Compared {
  readonly name: string;
  readonly answer: Analysis;
}

interface Props {
  readonly before: Compared;
  readonly after: Compared;
}

export function Compare({ before, after }: Props) {
  const said = words.value.panels;
  const { findings, measurements } = compareAnswers(before.answer, after.answer);
  return (
    <div class="compare-frame">
      <div class="compare">
        <Beats before={before} after={after} />
        <section>
          <h3>{said.findings}</h3>
          {findings === null ? (
            <NotJudged recordings={[before, after]} />
          ) : (
            <>
              <FindingGroup title={said.newFindings} rows={findings.appeared} />
              <FindingGroup title={said.goneFindings} rows={findings.gone} />
              <FindingGroup title={said.sameFindings} rows={findings.same} />
            </>
          )}
        </section>
        <section class="compare-measurements">
          <table>
            <thead>
              <tr>
                <th scope="col">{said.measurements}</th>
                <th scope="col">{before.name}</th>
                <th scope="col">{after.name}</th>
                <th scope="col">{said.changed}</th>
              </tr>
            </thead>
            <tbody>
              {measurements.map((row) => (
                <Measurement key={row.name} row={row} />
              ))}
            </tbody>
          </table>
          {measurements.some((row) => row.isBeyond) && (
            <p class="compare-note">
              <span aria-hidden="true">▲</span> {said.beyondUncertainty}
            </p>
          )}
        </section>
      </div>
    </div>
  );
}

function Beats({ before, after }: Props) {
  const said = words.value.panels;
  const sheet = comparedBeats(before.answer, after.answer);
  if (sheet === null) return null;
  const { widthMm, heightMm } = sheet;
  const shown = sheet.boxes.filter((box) => box.paths.length > 0);
  return (
    <figure class="compare-beats">
      <figcaption>
        <span class="compare-earlier">
          {before.name} ({said.before})
        </span>
        <span class="compare-later">
          {after.name} ({said.after})
        </span>
        <span>25 mm/s · {number(sheet.gain)} mm/mV</span>
      </figcaption>
      <div class="compare-boxes">
        {shown.map(({ lead, paths: [earlier = "", later = ""] }) => (
          <BeatBox
            key={lead}
            label={lead}
            {...{ widthMm, heightMm }}
            traces={[
              { path: earlier, kind: "earlier" },
              { path: later, kind: "only" },
            ]}
          />
        ))}
      </div>
    </figure>
  );
}

/** Those of two recordings whose findings can't be compared. */
function NotJudged({ recordings }: { readonly recordings: readonly Compared[] }) {
  return (
    <ul class="compare-findings">
      {recordings
        .filter(({ answer }) => !isJudged(answer))
        .map(({ name }) => (
          <li key={name} class="compare-none">
            {name}: {words.value.panels.notJudged}
          </li>
        ))}
    </ul>
  );
}

interface GroupProps {
  readonly title: string;
  readonly rows: readonly FindingRow[];
}

function FindingGroup({ title, rows }: GroupProps) {
  const said = words.value.panels;
  return (
    <>
      <h4>{title}</h4>
      <ul class="compare-findings">
        {rows.length === 0 && <li class="compare-none">{said.none}</li>}
        {rows.map((row) => (
          <li key={row.key}>
            <SeverityIcon severity={row.severity} />
            <span class="visually-hidden">{said.severity[row.severity]}: </span>
            <span lang={row.statementLang}>{row.statement}</span>
            <span class="compare-value">{row.value}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Measurement({ row }: { readonly row: ComparedMeasurement }) {
  const said = words.value.panels;
  return (
    <tr class={row.isBeyond ? "compare-beyond" : ""}>
      <th scope="row">{row.shownName}</th>
      <td>{row.before}</td>
      <td>
        {row.after} <span class="compare-unit">{row.unit}</span>
      </td>
      <td>
        {row.difference}
        {row.isBeyond && <span class="visually-hidden"> {said.beyondUncertainty}</span>}
      </td>
    </tr>
  );
}

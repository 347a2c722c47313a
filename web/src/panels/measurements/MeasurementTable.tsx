/** The measurements with their uncertainty and the reference range for age and sex. */
import { useSignal } from "@preact/signals";
import type { Analysis } from "../../api/answer";
import { words } from "../../i18n";
import "./MeasurementTable.css";
import { NotAvailable, Waiting } from "../Missing";
import type { ByHand } from "./byHand";
import { FIRST_ROWS, type MeasurementRow, measurementRows } from "./measurementRows";

interface Props {
  readonly answer: Analysis | null;
  readonly byHand?: ByHand;
}

export function MeasurementTable({ answer, byHand = {} }: Props) {
  const said = words.value.panels;
  const isOpen = useSignal(false);
  const measured = answer?.measurements ?? null;
  const rows = measured === null ? [] : measurementRows(measured, byHand);
  const shown = isOpen.value ? rows : rows.slice(0, FIRST_ROWS);
  return (
    <section class="measurements">
      {measured === null && (
        <div class="panel-head">
          <h3>{said.measurements}</h3>
        </div>
      )}
      {answer === null && <Waiting rows={6} />}
      {answer !== null && measured === null && <NotAvailable answer={answer} part="measurements" />}
      {rows.length > 0 && (
        <>
          <table>
            <thead>
              <tr>
                <th scope="col">{said.measurements}</th>
                <th scope="col">{said.value}</th>
                <th scope="col">{said.plusMinus}</th>
                <th scope="col">{said.normalRange}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <Row key={row.name} row={row} />
              ))}
            </tbody>
          </table>
          <button
            type="button"
            class="link-button"
            aria-expanded={isOpen.value}
            onClick={() => {
              isOpen.value = !isOpen.value;
            }}
          >
            {isOpen.value ? said.fewerValues : said.moreValues(rows.length - FIRST_ROWS)}
          </button>
        </>
      )}
    </section>
  );
}

function Row({ row }: { readonly row: MeasurementRow }) {
  const said = words.value.panels;
  return (
    <tr class={row.isOutside ? "measurement-outside" : ""}>
      <th scope="row">{row.shownName}</th>
      <td>
        <span class="measurement-value">{row.value}</span>
        <span class="measurement-unit">{row.unit}</span>
        {row.isByHand && <span class="measurement-by-hand">{said.byHand}</span>}
      </td>
      <td>{row.plusMinus}</td>
      <td>{row.place !== null && <RangeMark row={row} place={row.place} />}</td>
    </tr>
  );
}

function RangeMark({ row, place }: { readonly row: MeasurementRow; readonly place: number }) {
  const said = words.value.panels;
  const note = `${row.isOutside ? said.outside : said.within}. ${row.rangeNote}`;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the range's source is shown on focus
    <span class="range" tabIndex={0} role="img" aria-label={note}>
      <span class="range-normal" />
      <span
        class={row.isOutside ? "range-triangle" : "range-dot"}
        style={{ left: `${100 * place}%` }}
      />
      <span class="range-note" aria-hidden="true">
        {row.rangeNote}
      </span>
    </span>
  );
}

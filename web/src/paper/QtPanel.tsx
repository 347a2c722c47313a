/** A QT interval measured by hand: corrected by four formulas, its end by the tangent on request. */
import { correctedQt } from "../ecg/qtc";
import { number, words } from "../i18n";

export interface QtPanelProps {
  readonly qtMs: number;
  /** Null where no RR interval is known. */
  readonly rrMs: number | null;
  /** Null where no T wave was found. */
  readonly tangentEndS: number | null;
  readonly onUseTangent: () => void;
}

export function QtPanel({ qtMs, rrMs, tangentEndS, onUseTangent }: QtPanelProps) {
  const { paper } = words.value;
  const corrected = rrMs === null ? null : correctedQt(qtMs, rrMs);
  const rows = corrected === null ? [] : (Object.keys(corrected) as (keyof typeof corrected)[]);
  return (
    <section class="paper-qt" aria-label={paper.qt.title}>
      <p>
        {paper.qt.title}: {number(qtMs)} ms, {paper.qt.byHand}
        {rrMs !== null && <small> RR {number(rrMs)} ms</small>}
      </p>
      <dl>
        {rows.map((name) => (
          <div key={name}>
            <dt>{paper.qt.formulas[name]}</dt>
            <dd>{number(corrected?.[name])} ms</dd>
          </div>
        ))}
      </dl>
      <button type="button" class="button" disabled={tangentEndS === null} onClick={onUseTangent}>
        {tangentEndS === null ? paper.qt.noTangent : paper.qt.useTangent}
      </button>
    </section>
  );
}

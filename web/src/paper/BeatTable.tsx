/** The picture as a table, for who can't see it: each beat with its intervals. */
import { number, words } from "../i18n";
import type { BeatMark } from "./props";

export function BeatTable({ beats }: { readonly beats: readonly BeatMark[] }) {
  const { paper } = words.value;
  if (beats.length === 0) return null;
  const ms = (from: number | null, to: number | null) =>
    from === null || to === null ? "–" : number((to - from) * 1000);
  return (
    <table class="visually-hidden">
      <caption>{paper.beatTable}</caption>
      <thead>
        <tr>
          {paper.beatColumns.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {beats.map((beat, at) => (
          <tr key={beat.r}>
            <th scope="row">{at + 1}</th>
            <td>{number(beat.r, 2)}</td>
            <td>{beat.label ?? paper.beatKinds[beat.kind]}</td>
            <td>{ms(beats[at - 1]?.r ?? null, beat.r)}</td>
            <td>{ms(beat.pOnset, beat.qrsOnset)}</td>
            <td>{ms(beat.qrsOnset, beat.qrsOffset)}</td>
            <td>{ms(beat.qrsOnset, beat.tOffset)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The mean beat of every lead at one gain, with its boundaries; or all leads over each other. */
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import { NotAvailable, Waiting } from "../Missing";
import { BeatBox } from "./BeatBox";
import { beatSheet, overlay } from "./beatBoxes";
import "./RepresentativeBeats.css";

interface Props {
  readonly answer: Analysis | null;
  /** Key B: all leads over each other. */
  readonly isOverlaid?: boolean;
}

export function RepresentativeBeats({ answer, isOverlaid = false }: Props) {
  const said = words.value.panels;
  if (answer === null) return <Waiting rows={4} />;
  const beat = answer.representative_beat;
  if (!beat) return <NotAvailable answer={answer} part="representative_beat" />;
  const sheet = isOverlaid ? overlay(beat) : beatSheet(beat);
  const { gain, widthMm, heightMm, marksMm } = sheet;
  const shown = sheet.boxes.filter((box) => box.paths.length > 0);
  return (
    <figure class={isOverlaid ? "beats beats-overlaid" : "beats"}>
      <figcaption>{said.beatsScale(number(gain))}</figcaption>
      {isOverlaid ? (
        <BeatBox
          label={shown.map((box) => box.lead).join(" ")}
          {...{ widthMm, heightMm, marksMm }}
          traces={shown.flatMap((box) => box.paths).map((path) => ({ path, kind: "one-of-many" }))}
        />
      ) : (
        <div class={`beat-boxes ${shown.length < 6 ? "beat-boxes-few" : ""}`}>
          {shown.map((box) => (
            <BeatBox
              key={box.lead}
              label={box.lead}
              {...{ widthMm, heightMm, marksMm }}
              traces={box.paths.map((path) => ({ path, kind: "only" }))}
            />
          ))}
        </div>
      )}
    </figure>
  );
}

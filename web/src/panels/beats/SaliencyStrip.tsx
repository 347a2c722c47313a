/** Where the model looked, as a strip of one hue under the rhythm strip. It is no evidence. */
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import { NotAvailable, Waiting } from "../Missing";
import { saliencyCells } from "./saliencyCells";
import "./SaliencyStrip.css";

export function SaliencyStrip({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  if (answer === null) return <Waiting rows={1} />;
  const saliency = answer.saliency;
  if (!saliency) return <NotAvailable answer={answer} part="saliency" />;
  const cells = saliencyCells(saliency);
  const endS = cells.at(-1)?.toS ?? 0;
  return (
    <figure class="saliency">
      <div class="saliency-strip" role="img" aria-label={`${said.saliency}: ${said.saliencyNote}`}>
        {cells.map((cell) => (
          <span
            key={cell.fromS}
            style={{ flexGrow: cell.toS - cell.fromS, opacity: cell.strength }}
            title={said.seconds(number(cell.fromS, 1), number(cell.toS, 1))}
          />
        ))}
      </div>
      <div class="saliency-times" aria-hidden="true">
        <span>0 s</span>
        <span>{number(endS, 0)} s</span>
      </div>
      <figcaption>
        <strong>{said.saliencyNote}</strong>
        <span lang="en">{saliency.method}</span>
      </figcaption>
    </figure>
  );
}

/** What always holds: research use, how strips are drawn, whether events arrive. */
import { number, words } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { layout } from "../board/layout";
import { cutOffSince } from "../state";
import { timeOf } from "../words";
import "./foot.css";

export function Foot() {
  const texts = wardWords.value;
  const since = cutOffSince.value;
  const { mmPerS } = layout.value;
  return (
    <footer class="ward-foot">
      <strong>
        {words.value.app.researchUse} {texts.notice}
      </strong>
      <span class="foot-scale">
        {number(mmPerS, Number.isInteger(mmPerS) ? 0 : 1)} mm/s · 10 mm/mV · {texts.lead("II")}
      </span>
      <span class={since === null ? "foot-live" : "foot-live lost"} role="status">
        <i aria-hidden="true" />
        {since === null ? texts.live : texts.cutOff(timeOf(since))}
      </span>
    </footer>
  );
}

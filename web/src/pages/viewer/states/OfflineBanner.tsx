/** Says since when the server is not reached, and when it is asked next. */
import { outage, tryAgain } from "../../../api/connection";
import { clock, number, words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { Countdown } from "./Countdown";
import "./states.css";

export function OfflineBanner() {
  const { states } = words.value;
  const lost = outage.value;
  if (lost === null) return null;
  return (
    <section class="banner" role="alert" aria-label={states.offlineTitle}>
      <Icon name="offline" />
      <Countdown key={lost.nextTry.getTime()} to={lost.nextTry}>
        {(seconds) => states.offline(clock(lost.since), number(seconds))}
      </Countdown>
      <button type="button" onClick={() => void tryAgain()}>
        {states.tryNow}
      </button>
    </section>
  );
}

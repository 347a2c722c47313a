/** Nobody watches: the station is not reached, or its process that finds alarms does not run. */
import { outage, tryAgain } from "../../../api/connection";
import { clock } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { Icon } from "../../../ui/icons";
import { unwatchedSince } from "../state";
import { timeOf } from "../words";

export function Offline() {
  const words = wardWords.value;
  const lost = outage.value;
  const unwatched = unwatchedSince.value;
  if (lost === null && unwatched === null) return null;
  if (lost === null) {
    return (
      <section class="ward-offline" role="alert">
        <Icon name="alert" />
        <p>{words.unwatched(timeOf(unwatched ?? 0))}</p>
      </section>
    );
  }
  return (
    <section class="ward-offline" role="alert">
      <Icon name="offline" />
      <p>{words.offline(clock(lost.since))}</p>
      <button type="button" onClick={() => void tryAgain()}>
        {words.tryNow}
      </button>
    </section>
  );
}

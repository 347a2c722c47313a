/** Nobody watches: the station is not reached, or its process that finds alarms does not run. Or, with
 * less weight, labels are missing. */
import { outage, tryAgain } from "../../../api/connection";
import { clock } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { Icon } from "../../../ui/icons";
import { unlabelledSince, unwatchedSince } from "../state";
import { timeOf } from "../words";

export function Offline() {
  const words = wardWords.value;
  const lost = outage.value;
  const unwatched = unwatchedSince.value;
  if (lost === null && unwatched === null) return <Unlabelled />;
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

function Unlabelled() {
  const since = unlabelledSince.value;
  if (since === null) return null;
  return (
    <section class="ward-offline ward-unlabelled" role="status">
      <p>{wardWords.value.unlabelled(timeOf(since))}</p>
    </section>
  );
}

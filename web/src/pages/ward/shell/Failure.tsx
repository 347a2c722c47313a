/** What could not be done, over everything, until it is closed or done. */
import { Problem } from "../../../api/problem";
import { words } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { Icon } from "../../../ui/icons";
import { type Failed, failed } from "../acting";

export function failureText({ what, error }: Failed): string {
  const reason = error instanceof Problem ? `${error.title}. ${error.detail}` : "";
  const why = reason === "" ? words.value.states.offlineTitle : reason;
  return `${wardWords.value.failed[what]}: ${why}`;
}

export function Failure() {
  const failure = failed.value;
  if (failure === null) return null;
  return (
    <p class="ward-failure" role="alert">
      <Icon name="critical" />
      <span>{failureText(failure)}</span>
      <button
        type="button"
        class="bare"
        aria-label={words.value.app.close}
        onClick={() => {
          failed.value = null;
        }}
      >
        <Icon name="close" />
      </button>
    </p>
  );
}

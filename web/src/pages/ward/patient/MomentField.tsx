/** A field for the date and time to look at, by this computer's clock. */
import { dateTime } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { moment } from "../state";
import { localIso } from "../words";
import { lookAt } from "./keys";
import { cursorMs, deviceNow } from "./looking";

export function MomentField() {
  const words = wardWords.value.patient;
  return (
    <label class="moment-field">
      {words.jump}
      <input
        type="datetime-local"
        step={1}
        max={localIso(deviceNow.value)}
        value={moment.value === null ? "" : localIso(moment.value)}
        onChange={(event) => {
          const ms = new Date(event.currentTarget.value).getTime();
          if (Number.isFinite(ms)) lookAt(ms);
        }}
      />
    </label>
  );
}

/** The moment at the cursor in words. */
export function cursorMsText(): string {
  return dateTime(localIso(cursorMs.value));
}

/** A note on an alarm. It cannot be changed afterwards, as nothing of an alarm's history can. */
import { useState } from "preact/hooks";
import { words } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import type { KnownAlarm } from "../../../station/alarms";
import { Dialog } from "../../../ui/Dialog";
import { failed, note } from "../acting";
import { failureText } from "../shell/Failure";
import { bedName, openDialog } from "../state";
import { alarmText } from "../words";

/** As many as the station keeps. */
const MOST_CHARACTERS = 1000;

export function NoteDialog({ alarm }: { readonly alarm: KnownAlarm }) {
  const texts = wardWords.value.note;
  const [text, setText] = useState("");
  const close = () => {
    openDialog.value = null;
  };
  const failure = failed.value;
  return (
    <Dialog title={texts.title(alarmText(alarm), bedName(alarm.patient))} onClose={close}>
      <form
        class="note"
        onSubmit={async (event) => {
          event.preventDefault();
          if (await note(alarm, text.trim())) close();
        }}
      >
        <div class="field">
          <label for="note">{texts.label}</label>
          <textarea
            id="note"
            rows={4}
            maxLength={MOST_CHARACTERS}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <small>{texts.hint}</small>
        </div>
        {failure?.what === "note" && (
          <p class="refused" role="alert">
            {failureText(failure)}
          </p>
        )}
        <div class="row">
          <button type="submit" class="button primary" disabled={text.trim() === ""}>
            {texts.save}
          </button>
          <button type="button" class="button" onClick={close}>
            {words.value.app.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

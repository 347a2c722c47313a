/** A box for the text of a record, for those whose clipboard holds one. */
import { useState } from "preact/hooks";
import { words } from "../../../i18n";
import { Dialog } from "../../../ui/Dialog";
import { closeDialog } from "../dialogs";
import { openText } from "./opening";

export function PasteDialog() {
  const { app, open } = words.value;
  const [text, setText] = useState("");
  return (
    <Dialog title={open.pasteTitle} onClose={closeDialog}>
      <form
        class="paste"
        onSubmit={(event) => {
          event.preventDefault();
          closeDialog();
          void openText(text, open.pasted);
        }}
      >
        <div class="field">
          <label for="paste-text">{open.pasteLabel}</label>
          <textarea
            id="paste-text"
            spellcheck={false}
            value={text}
            aria-describedby="paste-hint"
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <small id="paste-hint">{open.pasteHint}</small>
        </div>
        <div class="row">
          <button type="submit" class="button primary" disabled={text.trim() === ""}>
            {open.read}
          </button>
          <button type="button" class="button" onClick={closeDialog}>
            {app.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

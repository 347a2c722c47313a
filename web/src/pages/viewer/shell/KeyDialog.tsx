/** The field for the API key. A refusal gives no reason, as the server gives none. */
import { useState } from "preact/hooks";
import { apiKey, useKey } from "../../../api/key";
import { Problem } from "../../../api/problem";
import { words } from "../../../i18n";
import { Dialog } from "../../../ui/Dialog";
import { Icon } from "../../../ui/icons";
import { closeDialog } from "../dialogs";
import { readLimits } from "../limits";
import { reloadFailed } from "../state";

const needsKey = (error: Error) => error instanceof Problem && error.needsKey;

export interface KeyFormProps {
  readonly wasRefused: boolean;
  readonly onGiven: () => void;
}

export function KeyForm({ wasRefused, onGiven }: KeyFormProps) {
  const { key } = words.value;
  const [typed, setTyped] = useState("");
  return (
    <form
      class="key-form"
      onSubmit={(event) => {
        event.preventDefault();
        useKey(typed.trim());
        onGiven();
      }}
    >
      <p>{key.handedOut}</p>
      <div class="field">
        <label for="api-key">{key.label}</label>
        <input
          id="api-key"
          type="password"
          autocomplete="off"
          value={typed}
          aria-invalid={wasRefused}
          aria-describedby={wasRefused ? "key-refused" : undefined}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        {wasRefused && (
          <p id="key-refused" class="refused" role="alert">
            <Icon name="critical" />
            {key.refused}
          </p>
        )}
      </div>
      <button type="submit" class="button primary" disabled={typed.trim() === ""}>
        {key.go}
      </button>
      <p class="small">{key.kept}</p>
    </form>
  );
}

export function KeyDialog() {
  const { key } = words.value;
  return (
    <Dialog title={key.own} onClose={closeDialog}>
      <div class="key-form">
        <KeyForm
          wasRefused={false}
          onGiven={() => {
            closeDialog();
            reloadWithKey();
          }}
        />
        {apiKey.value !== null && (
          <button
            type="button"
            class="button"
            onClick={() => {
              useKey(null);
              closeDialog();
            }}
          >
            {key.forget}
          </button>
        )}
      </div>
    </Dialog>
  );
}

/** What was refused for want of a key is asked for again. */
export function reloadWithKey(): void {
  reloadFailed(needsKey);
  void readLimits();
}

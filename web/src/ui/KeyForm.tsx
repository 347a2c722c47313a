/** The field for the API key. A refusal gives no reason, as the server gives none. */
import { useState } from "preact/hooks";
import { setKey } from "../api/key";
import { words } from "../i18n";
import { Icon } from "./icons";
import "./key_form.css";

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
        setKey(typed.trim());
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

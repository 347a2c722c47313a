/** Values that a person measured, and whose they are, before a report with them is made. */
import { useState } from "preact/hooks";
import { number, words } from "../../../i18n";
import { worded } from "../../../panels/findings/facts";
import { unitOf } from "../../../panels/measurements/measurementRows";
import { Dialog } from "../../../ui/Dialog";
import { Icon } from "../../../ui/icons";
import { closeDialog } from "../dialogs";
import { activeTab, change } from "../state";
import { asked, initials, makeReport } from "./exports";

/** As many as the server takes (MAX_INITIALS of server/stages/report_options.py). */
const MAX_INITIALS = 4;

export function ByHandDialog() {
  const { app, clinical, export: text } = words.value;
  const [typed, setTyped] = useState(initials.value);
  const tab = activeTab.value;
  const kind = asked.value;
  if (tab === null || kind === null) return null;
  const values = Object.entries(tab.byHand);
  const needsInitials = values.length > 0;
  return (
    <Dialog title={text.byHandTitle} onClose={closeDialog}>
      <form
        class="by-hand"
        onSubmit={(event) => {
          event.preventDefault();
          initials.value = typed.trim();
          closeDialog();
          void makeReport(kind, tab);
        }}
      >
        <ul>
          {values.map(([name, value]) => (
            <li key={name}>
              <span>
                {worded(clinical.measurements, name)} {number(value)} {unitOf(name)}
              </span>
              <button
                type="button"
                class="bare"
                aria-label={text.remove(worded(clinical.measurements, name))}
                onClick={() => change(tab.id, { byHand: without(tab.byHand, name) })}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
        {needsInitials && (
          <div class="field">
            <label for="initials">{text.initials}</label>
            <input
              id="initials"
              value={typed}
              required
              maxLength={MAX_INITIALS}
              autocomplete="off"
              aria-describedby="initials-hint"
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
            <small id="initials-hint">{text.initialsHint}</small>
          </div>
        )}
        <div class="row">
          <button
            type="submit"
            class="button primary"
            disabled={needsInitials && typed.trim() === ""}
          >
            {text.make}
          </button>
          <button type="button" class="button" onClick={closeDialog}>
            {app.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function without(
  values: Readonly<Record<string, number>>,
  name: string,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).filter(([each]) => each !== name));
}

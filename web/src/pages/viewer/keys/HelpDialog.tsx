/** The keys, and the switch that turns single keys off. */

import { words } from "../../../i18n";
import type { Words } from "../../../i18n/en";
import { Dialog } from "../../../ui/Dialog";
import { closeDialog } from "../dialogs";
import { singleKeys, switchSingleKeys } from "./single_keys";
import "./help.css";

type KeyWord = keyof Words["keys"];
type Row = readonly [keys: readonly string[], word: KeyWord];

const EVERYWHERE: readonly Row[] = [
  [["?"], "help"],
  [["Esc"], "close"],
  [["O"], "open"],
  [["E"], "export"],
  [["Ctrl+P"], "report"],
  [["1", "9"], "tab"],
];
const VIEWER: readonly Row[] = [
  [["L"], "layout"],
  [["S"], "speed"],
  [["G"], "gain"],
  [["F"], "filter"],
  [["R"], "rhythmLead"],
  [["C"], "caliper"],
  [["M"], "march"],
  [["X"], "crop"],
  [["B"], "beats"],
  [["←", "→"], "pan"],
  [["+", "−"], "zoom"],
  [["0"], "fit"],
  [[",", "."], "beat"],
  [["J", "K"], "finding"],
  [["Enter"], "evidence"],
];

export function HelpDialog() {
  const { keys } = words.value;
  return (
    <Dialog title={keys.title} onClose={closeDialog} wide>
      <div class="help">
        <label class="switch">
          <input
            type="checkbox"
            checked={singleKeys.value}
            aria-describedby="single-keys-hint"
            onChange={(event) => switchSingleKeys(event.currentTarget.checked)}
          />
          {keys.single}
        </label>
        <p id="single-keys-hint" class="small">
          {keys.singleHint}
        </p>
        <div class="help-lists">
          <KeyList title={keys.all} rows={EVERYWHERE} />
          <KeyList title={keys.viewer} rows={VIEWER} />
        </div>
      </div>
    </Dialog>
  );
}

function KeyList({ title, rows }: { title: string; rows: readonly Row[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {rows.map(([names, word]) => (
          <div key={word}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{words.value.keys[word]}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The keys of a page, and the switch that turns single keys off. */
import { words } from "../i18n";
import { Dialog } from "./Dialog";
import { singleKeys, switchSingleKeys } from "./single_keys";
import "./keys_dialog.css";

export interface KeyList {
  readonly title: string;
  readonly rows: readonly (readonly [keys: readonly string[], what: string])[];
}

export interface KeysDialogProps {
  readonly lists: readonly KeyList[];
  readonly onClose: () => void;
}

export function KeysDialog({ lists, onClose }: KeysDialogProps) {
  const { keys } = words.value;
  return (
    <Dialog title={keys.title} onClose={onClose} wide>
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
          {lists.map(({ title, rows }) => (
            <section key={title}>
              <h3>{title}</h3>
              <dl>
                {rows.map(([names, what]) => (
                  <div key={what}>
                    <dt>
                      {names.map((name) => (
                        <kbd key={name}>{name}</kbd>
                      ))}
                    </dt>
                    <dd>{what}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
    </Dialog>
  );
}

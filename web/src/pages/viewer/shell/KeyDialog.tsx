/** The key of this session: give it, change it, forget it. */
import { apiKey, setKey } from "../../../api/key";
import { Problem } from "../../../api/problem";
import { words } from "../../../i18n";
import { Dialog } from "../../../ui/Dialog";
import { KeyForm } from "../../../ui/KeyForm";
import { closeDialog } from "../dialogs";
import { readLimits } from "../limits";
import { reloadFailed } from "../state";

const needsKey = (error: Error) => error instanceof Problem && error.needsKey;

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
              setKey(null);
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

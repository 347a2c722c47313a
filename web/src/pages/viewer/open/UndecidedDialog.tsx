/** Asks whether files whose names do not tell are one recording. */
import { words } from "../../../i18n";
import { Dialog } from "../../../ui/Dialog";
import { decide, undecided } from "./opening";

export function UndecidedDialog({ files }: { files: readonly File[] }) {
  const { open } = words.value;
  return (
    <Dialog title={open.undecidedTitle} onClose={() => (undecided.value = null)}>
      <div class="undecided">
        <p>{open.undecided}</p>
        <ul>
          {files.map((file) => (
            <li key={file}>{file.name}</li>
          ))}
        </ul>
        <div class="row">
          <button type="button" class="button primary" onClick={() => void decide(files, true)}>
            {open.one}
          </button>
          <button type="button" class="button" onClick={() => void decide(files, false)}>
            {open.each}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

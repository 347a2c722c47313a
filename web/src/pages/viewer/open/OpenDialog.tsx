import { words } from "../../../i18n";
import { Dialog } from "../../../ui/Dialog";
import { closeDialog } from "../dialogs";
import { OpenPanel } from "./OpenPanel";

export function OpenDialog() {
  return (
    <Dialog title={words.value.open.title} onClose={closeDialog} wide>
      <OpenPanel />
    </Dialog>
  );
}

/** The keys of the ward. */
import { wardWords } from "../../../i18n/ward";
import { KeysDialog } from "../../../ui/KeysDialog";
import { openDialog } from "../state";

export function WardKeys() {
  const { all, rows } = wardWords.value.keys;
  const own = wardWords.value.patient.keys;
  const keys = [
    [["J", "K"], rows.move],
    [["A"], rows.acknowledge],
    [["S"], rows.silence],
    [["N"], rows.note],
    [["Enter"], rows.open],
    [["0–9", "Enter"], rows.bed],
    [["D"], rows.sound],
    [["?"], rows.help],
    [["Esc"], rows.close],
  ] as const;
  const ofPatient = [
    [["←", "→"], own.moment],
    [["[", "]"], own.alarm],
    [["L"], own.live],
    [["P"], own.paper],
    [["C"], own.caliper],
    [["E"], own.details],
  ] as const;
  return (
    <KeysDialog
      lists={[
        { title: all, rows: keys },
        { title: own.title, rows: ofPatient },
      ]}
      onClose={() => {
        openDialog.value = null;
      }}
    />
  );
}

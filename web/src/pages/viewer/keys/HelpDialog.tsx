/** The keys of the viewer. */

import { words } from "../../../i18n";
import type { Words } from "../../../i18n/en";
import { KeysDialog } from "../../../ui/KeysDialog";
import { closeDialog } from "../dialogs";

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
  const named = (rows: readonly Row[]) =>
    rows.map(([names, word]) => [names, String(keys[word])] as const);
  const lists = [
    { title: keys.all, rows: named(EVERYWHERE) },
    { title: keys.viewer, rows: named(VIEWER) },
  ];
  return <KeysDialog lists={lists} onClose={closeDialog} />;
}

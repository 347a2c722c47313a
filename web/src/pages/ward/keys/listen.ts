/**
 * Keys of the ward. None acts in a field, with a dialog open, or beside Ctrl, Alt or Meta; AltGr, which
 * writes brackets on many keyboards, is none of these. Those of a single character can be switched off;
 * Enter and Escape always act.
 */
import { FIELDS } from "../../../ui/fields";
import { singleKeys } from "../../../ui/single_keys";
import { openDialog } from "../state";
import { actionOf } from "./actions";

export function listenForKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isCommand(event)) return;
    const isSingle = event.key.length === 1;
    // A key that is held must not acknowledge what comes next. Arrows only move.
    const isHeld = event.repeat && !event.key.startsWith("Arrow");
    if (isHeld || (isSingle && !singleKeys.value)) return;
    if (openDialog.value !== null || document.querySelector("dialog[open]") !== null) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest(FIELDS) !== null) return;
    const act = actionOf(isSingle ? event.key.toLowerCase() : event.key);
    if (act?.(target, event) === true) event.preventDefault();
  });
}

/** Whether it is one of the browser's or the system's. Windows sends AltGr as Ctrl with Alt. */
function isCommand(event: KeyboardEvent): boolean {
  if (event.metaKey) return true;
  return (event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph");
}

/** The strips of this page, and the lights of its alarms, which flash by the same frames. */
import { litAt } from "../../../station/flash";
import { behindMs, gainKey, gains } from "../state";
import { StripBoard } from "./strip_board";

let lit = "";

/** The lights hang on the station's clock, so that all screens of a ward flash together. */
function flash(nowMs: number): void {
  const now = litAt(nowMs + behindMs.peek());
  if (now === lit) return;
  const { classList } = document.documentElement;
  classList.remove(...lit.split(" ").filter((name) => name !== ""));
  classList.add(...now.split(" ").filter((name) => name !== ""));
  lit = now;
}

export const board = new StripBoard(flash, ({ place, patient, gain }) => {
  gains.value = new Map(gains.peek()).set(gainKey(place, patient), gain);
});

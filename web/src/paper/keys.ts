/** Keys that move the view. Letters belong to the page. */
import { FIELDS } from "../ui/fields";
import type { Screen } from "./screen";
import { fitted, panned, showing, zoomed } from "./view";

const STEP_MM = 5;
const ZOOM_STEP = 1.25;
/** Where keys have a meaning of their own. */
const OTHERS = `${FIELDS}, dialog`;
/** Where arrows have a meaning of their own. */
const WIDGETS = `${OTHERS}, [role=slider], [role=tab], [role=menu], [role=radio], [role=scrollbar], [role=listbox], [role=option]`;

export interface KeyHooks {
  /** Whether single characters act (WCAG 2.1.4); arrows always do. */
  readonly single: () => boolean;
  readonly stepBeat: (by: 1 | -1) => void;
  /** Enter on the paper. */
  readonly place: () => boolean;
}

export function listenForViewKeys(frame: HTMLElement, screen: Screen, hooks: KeyHooks): () => void {
  const listen = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    const isHere = frame.contains(target) || target === document.body;
    if (target.closest(event.key.startsWith("Arrow") ? WIDGETS : OTHERS) !== null) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const acted =
      (isHere && arrow(event, screen)) ||
      (event.key === "Enter" && target === frame && hooks.place()) ||
      (hooks.single() && character(event.key, screen, hooks));
    if (acted) event.preventDefault();
  };
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}

/** 5 mm a press, with Shift most of a page. */
function arrow(event: KeyboardEvent, screen: Screen): boolean {
  const { sheet, view, geometry } = screen;
  if (sheet === null || geometry === null) return false;
  const across = event.shiftKey
    ? geometry.pageS * geometry.pxPerS * 0.8
    : STEP_MM * geometry.across;
  const down = (event.shiftKey ? 4 : 1) * STEP_MM * geometry.down;
  const moves: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-across, 0],
    ArrowRight: [across, 0],
    ArrowUp: [0, -down],
    ArrowDown: [0, down],
  };
  const move = moves[event.key];
  if (move === undefined) return false;
  const next = panned(sheet, view, ...move);
  const isMoved = next.fromS !== view.fromS || next.topMm !== view.topMm;
  if (isMoved) screen.move(next);
  return isMoved;
}

function character(key: string, screen: Screen, hooks: KeyHooks): boolean {
  const { sheet, view } = screen;
  if (sheet === null) return false;
  const zoomBy = (factor: number) =>
    screen.move(zoomed(sheet, view, factor, sheet.width / 2, sheet.height / 2));
  switch (key) {
    case "+":
    case "=":
      zoomBy(ZOOM_STEP);
      return true;
    case "-":
    case "−":
      zoomBy(1 / ZOOM_STEP);
      return true;
    case "0":
      screen.move(fitted(sheet, view));
      return true;
    case ",":
      hooks.stepBeat(-1);
      return true;
    case ".":
      hooks.stepBeat(1);
      return true;
    default:
      return false;
  }
}

/** Pan so that a second is seen. */
export function showSecond(screen: Screen, second: number): void {
  const { sheet, view } = screen;
  if (sheet !== null) screen.move(showing(sheet, view, second - 0.4, second + 0.6));
}

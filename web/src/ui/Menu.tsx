/** A button that opens a list of actions. Arrow keys move, Escape and a click elsewhere close. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";
import "./menu.css";

export interface MenuItem {
  readonly label: string;
  readonly checked?: boolean | undefined;
  /** What stands over the first item of a group. */
  readonly heading?: string | undefined;
  readonly run: () => void;
}

export interface MenuProps {
  readonly label: string;
  readonly face: ComponentChildren;
  readonly items: readonly MenuItem[];
  readonly id?: string;
  readonly class?: string;
  readonly disabled?: boolean;
  /** Where the list lies: below, its right edge under the button's, or above. */
  readonly end?: "right" | "left" | "above";
}

export function Menu(props: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const list = useId();
  const button = () => root.current?.querySelector("button");
  useEffect(() => {
    if (!isOpen) return;
    items(root.current)[0]?.focus();
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [isOpen]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!isOpen) return;
    const to = move(root.current, event.key);
    if (event.key === "Escape") {
      setOpen(false);
      button()?.focus();
    } else if (to === null) return;
    else to.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys belong to the items within
    <div class="menu" ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        id={props.id}
        class={props.class ?? "button"}
        aria-label={props.label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? list : undefined}
        disabled={props.disabled}
        onClick={() => setOpen(!isOpen)}
      >
        {props.face}
      </button>
      {isOpen && (
        <div
          class={`menu-list ${props.end ?? "right"}`}
          id={list}
          role="menu"
          aria-label={props.label}
        >
          {props.items.map((item) => (
            <>
              {item.heading !== undefined && <p class="menu-heading">{item.heading}</p>}
              <button
                type="button"
                {...roleOf(item)}
                tabIndex={-1}
                onClick={() => {
                  setOpen(false);
                  button()?.focus();
                  item.run();
                }}
              >
                <span>{item.label}</span>
                {item.checked === true && <Icon name="tick" />}
              </button>
            </>
          ))}
        </div>
      )}
    </div>
  );
}

function roleOf({ checked }: MenuItem) {
  if (checked === undefined) return { role: "menuitem" } as const;
  return { role: "menuitemradio", "aria-checked": checked } as const;
}

function items(root: HTMLElement | null): HTMLButtonElement[] {
  return [...(root?.querySelectorAll<HTMLButtonElement>(".menu-list button:enabled") ?? [])];
}

/** The item that a key leads to, none for other keys. */
function move(root: HTMLElement | null, key: string): HTMLButtonElement | null {
  const all = items(root);
  const at = all.indexOf(document.activeElement as HTMLButtonElement);
  switch (key) {
    case "ArrowDown":
      return all[(at + 1) % all.length] ?? null;
    case "ArrowUp":
      return all[(at - 1 + all.length) % all.length] ?? null;
    case "Home":
      return all[0] ?? null;
    case "End":
      return all.at(-1) ?? null;
    default:
      return null;
  }
}

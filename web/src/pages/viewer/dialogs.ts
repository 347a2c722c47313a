/** Which dialog is open. There is one at a time. */
import { signal } from "@preact/signals";

export type DialogName = "open" | "paste" | "key" | "help" | "compare" | "by-hand";

export const openDialog = signal<DialogName | null>(null);

export function closeDialog(): void {
  openDialog.value = null;
}

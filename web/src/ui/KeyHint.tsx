/** The key of a control, shown only while it acts. */
import { singleKeys } from "./single_keys";

export function KeyHint({ of: key }: { of: string }) {
  if (!singleKeys.value) return null;
  return (
    <span aria-hidden="true">
      <kbd>{key.length === 1 ? key.toUpperCase() : key}</kbd>
    </span>
  );
}

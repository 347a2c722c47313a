/** What a screen reader says when the page's state changes. One sentence at a time. */
import { signal } from "@preact/signals";

const said = signal("");

export function announce(sentence: string): void {
  said.value = sentence;
}

export function LiveRegion() {
  return (
    <p class="visually-hidden" role="status">
      {said.value}
    </p>
  );
}

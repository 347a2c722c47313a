/** The colours and the font of ui/tokens.css that strips are drawn with. */

const NAMES = {
  trace: "--trace",
  stale: "--text-3",
  cursor: "--edge",
  label: "--text-2",
  font: "--font",
} as const;

export type StripColours = { readonly [name in keyof typeof NAMES]: string };

export function stripColoursOf(element: Element): StripColours {
  const style = getComputedStyle(element);
  const entries = Object.entries(NAMES).map(([name, property]) => [
    name,
    style.getPropertyValue(property).trim(),
  ]);
  return Object.fromEntries(entries) as StripColours;
}

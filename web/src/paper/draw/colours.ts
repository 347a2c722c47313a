/** The colours and fonts of ui/tokens.css as a canvas needs them. */

const NAMES = {
  paper: "--paper",
  fine: "--grid-1mm",
  coarse: "--grid-5mm",
  trace: "--trace",
  text: "--text-2",
  accent: "--accent",
  accentText: "--accent-text",
  surface: "--surface",
  evidence: "--evidence",
  technical: "--technical",
  poorLead: "--poor-lead",
  abnormal: "--abnormal",
  font: "--font",
} as const;

export type Colours = { readonly [name in keyof typeof NAMES]: string };

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const entries = Object.entries(NAMES).map(([name, property]) => [
    name,
    style.getPropertyValue(property).trim(),
  ]);
  return Object.fromEntries(entries) as Colours;
}

/** Colours for white paper, whatever the theme of the screen is. */
export function printColoursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const read = (property: string) => style.getPropertyValue(property).trim();
  const accent = read("--print-accent");
  const trace = read("--print-trace");
  return {
    paper: read("--print-paper"),
    fine: read("--print-grid-1mm"),
    coarse: read("--print-grid-5mm"),
    trace,
    text: read("--print-text"),
    accent,
    accentText: accent,
    surface: read("--print-paper"),
    evidence: read("--print-evidence"),
    technical: read("--print-technical"),
    poorLead: read("--print-poor-lead"),
    abnormal: trace,
    font: read("--font"),
  };
}

/** Call back when the theme changes: by the person's choice or by the system. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, {
    attributes: true,
    // Not its classes: on the ward they change with each flash of an alarm's light.
    attributeFilter: ["data-theme"],
  });
  const queries = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) =>
    matchMedia(query),
  );
  for (const query of queries) query.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    for (const query of queries) query.removeEventListener("change", changed);
  };
}

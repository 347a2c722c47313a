/** Line icons of 16 x 16. Each stands beside a word, or its control has a name of its own. */
import type { JSX } from "preact";

const PATHS = {
  alert: "M8 1.8 15 14H1z M8 6v3.6 M8 11.6v.6",
  back: "M10 3 5 8l5 5",
  caliper: "M2 3v10 M14 3v10 M2 8h12 M4.5 5.5 2 8l2.5 2.5 M11.5 5.5 14 8l-2.5 2.5",
  check: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13 M5 8.2l2.2 2.2L11.2 6",
  close: "M4 4l8 8 M12 4l-8 8",
  compare: "M1 8.5h3L6 3.5l3.5 9 2-4H15",
  critical: "M8 1.5 14.5 8 8 14.5 1.5 8z M8 4.8v3.8 M8 10.8v.5",
  crop: "M4.5 1v10.5H15 M1 4.5h10.5V15",
  down: "M4 6.5 8 10.5l4-4",
  export: "M8 1.5v9 M4.5 7 8 10.5 11.5 7 M1.8 10.5v4h12.4v-4",
  help: "M5.5 5.8a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7 M8 12v.6 M8 1a7 7 0 1 0 0 14a7 7 0 0 0 0-14",
  key: "M10.5 1.8a3.7 3.7 0 1 0 0 7.4a3.7 3.7 0 0 0 0-7.4 M7.8 8.2 2 14 M3.6 12.4l1.8 1.8 M5.8 10.2l1.5 1.5",
  logo: "M0.8 9h2.7l1.4-2.2L6.6 12 9 3l2 8 1.2-2h3",
  march: "M2 4v8 M6 4v8 M10 4v8 M14 4v8",
  moon: "M13.5 10A6 6 0 1 1 6 2.5 4.8 4.8 0 0 0 13.5 10z",
  more: "M2.2 8a.8.8 0 1 0 1.6 0a.8.8 0 1 0-1.6 0 M7.2 8a.8.8 0 1 0 1.6 0a.8.8 0 1 0-1.6 0 M12.2 8a.8.8 0 1 0 1.6 0a.8.8 0 1 0-1.6 0",
  offline:
    "M2 2l12 12 M1.5 6.3a10 10 0 0 1 3-1.9 M8 3.6a9.8 9.8 0 0 1 6.5 2.7 M4 9a6 6 0 0 1 2.5-1.5 M11.6 8.7l.4.3 M8 12.5h.1",
  open: "M8 10.5v-9 M4.5 5 8 1.5 11.5 5 M1.8 10.5v4h12.4v-4",
  paste: "M5.5 2.5h-2v12h9v-12h-2 M5.5 1.2h5v2.6h-5z M5.5 7.5h5 M5.5 10.5h5",
  plus: "M8 2.5v11 M2.5 8h11",
  sun: "M8 5a3 3 0 1 0 0 6a3 3 0 0 0 0-6 M8 1v1.6 M8 13.4V15 M1 8h1.6 M13.4 8H15 M3 3l1.1 1.1 M11.9 11.9 13 13 M3 13l1.1-1.1 M11.9 4.1 13 3",
  sound: "M2 6v4h2.6L8 13V3L4.6 6z M10.3 5.6a3.4 3.4 0 0 1 0 4.8 M12.3 3.6a6.2 6.2 0 0 1 0 8.8",
  soundOff: "M2 6v4h2.6L8 13V3L4.6 6z M10.5 6l4 4 M14.5 6l-4 4",
  system: "M1.5 2.5h13v8.5h-13z M5.5 14h5 M8 11v3",
  technical: "M2 2h12v12H2z M5.5 6v4 M10.5 6v4 M4 8h1.5 M10.5 8H12",
  tick: "M3 8.5 6.5 12 13 4.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, ...rest }: { name: IconName } & JSX.SVGAttributes<SVGSVGElement>) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" {...rest}>
      <path d={PATHS[name]} />
    </svg>
  );
}

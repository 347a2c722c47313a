/** Beneath the paper: the mean beat with its matrix and the saliency, the axis, the electrodes. */
import { signal } from "@preact/signals";
import type { Analysis } from "../api/answer";
import { words } from "../i18n";
import { AxisDial } from "./measurements/AxisDial";
import "./Dock.css";
import { RepresentativeBeats } from "./beats/RepresentativeBeats";
import { SaliencyStrip } from "./beats/SaliencyStrip";
import { MatrixTable } from "./measurements/MatrixTable";
import { ElectrodeFigure } from "./quality/ElectrodeFigure";

export const DOCK_PARTS = ["beats", "matrix", "saliency"] as const;
export type DockPart = (typeof DOCK_PARTS)[number];

export const dockPart = signal<DockPart>("beats");
/** Key B: the beats of all leads over each other. */
export const areBeatsOverlaid = signal(false);

export function Dock({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  const shown = dockPart.value;
  return (
    <div class="dock-frame">
      <div class="dock">
        <section class="dock-beats" aria-label={said[shown]}>
          <nav class="dock-tabs" aria-label={said.beats}>
            {DOCK_PARTS.map((part) => (
              <button
                key={part}
                type="button"
                aria-pressed={part === shown}
                onClick={() => {
                  dockPart.value = part;
                }}
              >
                {said[part]}
              </button>
            ))}
            {shown === "beats" && <OverlayButton />}
          </nav>
          {shown === "beats" && (
            <RepresentativeBeats answer={answer} isOverlaid={areBeatsOverlaid.value} />
          )}
          {shown === "matrix" && <MatrixTable answer={answer} />}
          {shown === "saliency" && <SaliencyStrip answer={answer} />}
        </section>
        <section>
          <h3>{said.axis}</h3>
          <AxisDial answer={answer} />
        </section>
        <section>
          <h3>{said.leadQuality}</h3>
          <ElectrodeFigure answer={answer} />
        </section>
      </div>
    </div>
  );
}

function OverlayButton() {
  const said = words.value.panels;
  return (
    <button
      type="button"
      class="dock-overlay"
      onClick={() => {
        areBeatsOverlaid.value = !areBeatsOverlaid.value;
      }}
    >
      {areBeatsOverlaid.value ? said.sideBySide : said.overlay}
    </button>
  );
}

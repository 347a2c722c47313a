/** What stands over the canvas while a caliper is placed: its handles, and the QT that it measures. */
import type { Signal } from "@preact/signals";
import { rrAt } from "../ecg/beats";
import { type Recording, secondsOf } from "../ecg/recording";
import { words } from "../i18n";
import { placeOf } from "./draw/caliper";
import { measured, pointAt } from "./draw/measure";
import type { Overlay } from "./draw/overlay";
import { signOf } from "./draw/picture";
import { cssPlace, Handles } from "./Handles";
import type { Caliper } from "./props";
import { QtPanel } from "./QtPanel";
import type { Screen } from "./screen";
import { recordedMv, type ShownLead } from "./shown";
import { caliperText } from "./text";

export interface CaliperProps {
  readonly screen: Screen;
  readonly overlay: Overlay;
  readonly recording: Recording;
  readonly caliper: Caliper;
  readonly onCaliper: (caliper: Caliper) => void;
}

export function CaliperHandles(props: CaliperProps) {
  const { screen, overlay, recording, caliper, onCaliper } = props;
  const { picture } = screen;
  const place = picture === null ? null : placeOf(picture, caliper);
  if (picture === null || place === null) return null;
  const turned = signOf(place.cell, picture.reversed) < 0;
  const text = caliperText(measured(caliper, overlay.beats, turned));
  const move = (end: 0 | 1, second: number) =>
    onCaliper(movedTo(caliper, end, second, place.lead, recording.fs));
  return (
    <Handles
      names={words.value.paper.caliperEnds}
      seconds={[caliper.fromS, caliper.toS]}
      values={[text, text]}
      totalS={secondsOf(recording)}
      places={[
        cssPlace(picture, place.fromX, place.barY),
        cssPlace(picture, place.toX, place.barY),
      ]}
      onStep={(end, samples) => {
        const before = end === 0 ? caliper.fromS : caliper.toS;
        const at = Math.round(before * recording.fs) + samples;
        move(end, Math.min(recording.samples - 1, Math.max(0, at)) / recording.fs);
      }}
      onDrag={(end, event) => {
        const spot = screen.spotOf(event);
        const { cell, lead } = place;
        move(end, pointAt(picture, cell, lead, overlay.beats, spot.x, spot.y, spot.free).second);
      }}
    />
  );
}

/** An end at another moment, on the trace. */
function movedTo(
  caliper: Caliper,
  end: 0 | 1,
  second: number,
  lead: ShownLead,
  fs: number,
): Caliper {
  const mv = recordedMv(lead, fs, second);
  if (end === 0) return { ...caliper, fromS: second, fromMv: mv };
  return { ...caliper, toS: second, toMv: mv };
}

/** No QT interval is shorter or longer than that. */
const SHORTEST_QT_MS = 200;
const LONGEST_QT_MS = 800;

export function QtParts(props: CaliperProps & { readonly wantsQt: Signal<boolean> }) {
  const { screen, overlay, recording, caliper, onCaliper, wantsQt } = props;
  const lead = screen.picture?.leads.get(caliper.lead);
  const qtMs = Math.abs(caliper.toS - caliper.fromS) * 1000;
  if (lead === undefined || qtMs < SHORTEST_QT_MS || qtMs > LONGEST_QT_MS) return null;
  const rrS = rrAt(overlay.beats, Math.min(caliper.fromS, caliper.toS));
  const endS = overlay.tangent?.endS ?? null;
  const useTangent = () => {
    if (endS === null) return;
    const end = caliper.toS >= caliper.fromS ? 1 : 0;
    onCaliper(movedTo(caliper, end, endS, lead, recording.fs));
  };
  return (
    <>
      <button
        type="button"
        class="button"
        aria-pressed={wantsQt.value}
        onClick={() => {
          wantsQt.value = !wantsQt.value;
        }}
      >
        QTc
      </button>
      {wantsQt.value && (
        <QtPanel
          qtMs={qtMs}
          rrMs={rrS === null ? null : rrS * 1000}
          tangentEndS={endS}
          onUseTangent={useTangent}
        />
      )}
    </>
  );
}

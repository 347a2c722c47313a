/** What stands over the canvas while measuring: handles, and the panel of a QT interval. */
import type { Signal } from "@preact/signals";
import { rrAt } from "../ecg/beats";
import { type Recording, secondsOf } from "../ecg/recording";
import { words } from "../i18n";
import { placeOf } from "./caliper";
import { secondAt, xOf } from "./geometry";
import { type HandlePlace, Handles } from "./Handles";
import { measured, pointAt } from "./measure";
import type { Overlay } from "./overlay";
import { type Picture, signOf } from "./picture";
import type { Caliper, Span } from "./props";
import { QtPanel } from "./QtPanel";
import type { Screen } from "./screen";
import { recordedMv } from "./shown";
import { caliperText, PAPER_WORDS } from "./text";

export interface MeasuringProps {
  readonly screen: Screen;
  readonly overlay: Overlay;
  readonly recording: Recording;
  readonly wantsQt: Signal<boolean>;
  readonly onCaliper: (caliper: Caliper) => void;
  readonly onCrop: (span: Span) => void;
  /** The part was confirmed. */
  readonly onCropped: (span: Span) => void;
}

export function Measuring(props: MeasuringProps) {
  const { picture } = props.screen;
  if (picture === null) return null;
  const { caliper, crop } = props.overlay;
  return (
    <>
      {caliper !== null && <CaliperHandles {...props} picture={picture} caliper={caliper} />}
      {crop !== null && <CropHandles {...props} picture={picture} crop={crop} />}
    </>
  );
}

function CaliperHandles(props: MeasuringProps & { picture: Picture; caliper: Caliper }) {
  const { picture, caliper, overlay, recording, screen, wantsQt, onCaliper } = props;
  const place = placeOf(picture, caliper);
  if (place === null) return null;
  const { fs } = recording;
  const turned = signOf(place.cell, picture.reversed) < 0;
  const result = measured(caliper, overlay.beats, turned);
  const move = (end: 0 | 1, second: number, mv: number) =>
    onCaliper(
      end === 0 ? { ...caliper, fromS: second, fromMv: mv } : { ...caliper, toS: second, toMv: mv },
    );
  const canBeQt = result.ms >= SHORTEST_QT_MS && result.ms <= LONGEST_QT_MS;
  const text = caliperText(result);
  return (
    <>
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
          const at = Math.min(
            recording.samples - 1,
            Math.max(0, Math.round(before * fs) + samples),
          );
          move(end, at / fs, recordedMv(place.lead, fs, at / fs));
        }}
        onDrag={(end, event) => {
          const { x } = spotOf(screen, event);
          const point = pointAt(
            picture,
            place.cell,
            place.lead,
            overlay.beats,
            x,
            Number.NaN,
            event.altKey,
          );
          move(end, point.second, recordedMv(place.lead, fs, point.second));
        }}
      />
      {canBeQt && (
        <div class="paper-by-hand">
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
              qtMs={result.ms}
              rrMs={inMs(rrAt(overlay.beats, Math.min(caliper.fromS, caliper.toS)))}
              tangentEndS={overlay.tangent?.endS ?? null}
              onUseTangent={() => {
                const endS = overlay.tangent?.endS;
                if (endS === undefined) return;
                const end = caliper.toS >= caliper.fromS ? 1 : 0;
                move(end, endS, recordedMv(place.lead, fs, endS));
              }}
            />
          )}
        </div>
      )}
    </>
  );
}

/** No QT interval is shorter or longer than that. */
const SHORTEST_QT_MS = 200;
const LONGEST_QT_MS = 800;

function CropHandles(props: MeasuringProps & { picture: Picture; crop: Span }) {
  const { picture, crop, recording, screen, onCrop, onCropped } = props;
  const cell = picture.geometry.cells[0];
  if (cell === undefined) return null;
  const middle = picture.geometry.height / 2;
  const length = PAPER_WORDS.seconds(crop.toS - crop.fromS);
  const totalS = secondsOf(recording);
  const move = (end: 0 | 1, to: number) => {
    const second = Math.min(totalS, Math.max(0, to));
    // An end does not pass the other one.
    if (end === 0) onCrop({ ...crop, fromS: Math.min(second, crop.toS) });
    else onCrop({ ...crop, toS: Math.max(second, crop.fromS) });
  };
  return (
    <>
      <Handles
        names={words.value.paper.cropEnds}
        seconds={[crop.fromS, crop.toS]}
        values={[length, length]}
        totalS={totalS}
        places={[
          cssPlace(picture, xOf(picture.geometry, cell, crop.fromS), middle),
          cssPlace(picture, xOf(picture.geometry, cell, crop.toS), middle),
        ]}
        onStep={(end, samples) =>
          move(end, (end === 0 ? crop.fromS : crop.toS) + samples / recording.fs)
        }
        onDrag={(end, event) =>
          move(end, secondAt(picture.geometry, cell, spotOf(screen, event).x))
        }
      />
      <div class="paper-by-hand">
        <button type="button" class="button primary" onClick={() => onCropped(crop)}>
          {words.value.paper.openCrop(length)}
        </button>
      </div>
    </>
  );
}

function cssPlace({ ratio }: Picture, x: number, y: number): HandlePlace {
  return { x: x / ratio, y: y / ratio };
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}

function spotOf(screen: Screen, event: PointerEvent): { x: number } {
  return { x: screen.canvasX(event.clientX) };
}

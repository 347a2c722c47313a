/** The ends of a part that is being chosen. */
import { type Recording, secondsOf } from "../ecg/recording";
import { words } from "../i18n";
import { secondAt, xOf } from "./draw/geometry";
import { cssPlace, Handles } from "./Handles";
import type { Span } from "./props";
import type { Screen } from "./screen";
import { PAPER_WORDS } from "./text";

export interface CropProps {
  readonly screen: Screen;
  readonly recording: Recording;
  readonly crop: Span;
  readonly onCrop: (span: Span) => void;
}

export function CropHandles({ screen, recording, crop, onCrop }: CropProps) {
  const { picture } = screen;
  const cell = picture?.geometry.cells[0];
  if (picture === null || cell === undefined) return null;
  const { geometry } = picture;
  const length = PAPER_WORDS.seconds(crop.toS - crop.fromS);
  const totalS = secondsOf(recording);
  const move = (end: 0 | 1, to: number) => {
    const second = Math.min(totalS, Math.max(0, to));
    // An end does not pass the other one.
    if (end === 0) onCrop({ ...crop, fromS: Math.min(second, crop.toS) });
    else onCrop({ ...crop, toS: Math.max(second, crop.fromS) });
  };
  return (
    <Handles
      names={words.value.paper.cropEnds}
      seconds={[crop.fromS, crop.toS]}
      values={[length, length]}
      totalS={totalS}
      places={[
        cssPlace(picture, xOf(geometry, cell, crop.fromS), geometry.height / 2),
        cssPlace(picture, xOf(geometry, cell, crop.toS), geometry.height / 2),
      ]}
      onStep={(end, samples) =>
        move(end, (end === 0 ? crop.fromS : crop.toS) + samples / recording.fs)
      }
      onDrag={(end, event) => move(end, secondAt(geometry, cell, screen.spotOf(event).x))}
    />
  );
}

/** Hold a credit card to the screen, drag the box to its width, and the paper is true to scale. */
import { useState } from "preact/hooks";
import { number, words } from "../../i18n";
import { Dialog } from "../../ui/Dialog";
import {
  CARD_HEIGHT_MM,
  CARD_WIDTH_MM,
  type Calibration,
  LEAST_PX_PER_MM,
  MOST_PX_PER_MM,
  storeCalibration,
} from "../calibration";
import "./calibration.css";

export interface CalibrationDialogProps {
  readonly pxPerMm: number;
  readonly onCalibrated: (calibration: Calibration) => void;
  readonly onClose: () => void;
}

/** Half a pixel of the card's width. */
const STEP = 0.5 / CARD_WIDTH_MM;

export function CalibrationDialog({ pxPerMm, onCalibrated, onClose }: CalibrationDialogProps) {
  const { calibration } = words.value.paper;
  const [chosen, choose] = useState(pxPerMm);
  const keep = (value: number | null) => {
    onCalibrated(storeCalibration(value));
    onClose();
  };
  return (
    <Dialog title={calibration.title} onClose={onClose} wide>
      <p>{calibration.how}</p>
      <div
        class="card"
        style={{ width: `${CARD_WIDTH_MM * chosen}px`, height: `${CARD_HEIGHT_MM * chosen}px` }}
      >
        <span>{calibration.card}</span>
        <span>1 mm = {number(chosen, 2)} px</span>
      </div>
      <label class="card-width">
        {calibration.width}
        <input
          type="range"
          min={Math.max(LEAST_PX_PER_MM, 2)}
          max={Math.min(MOST_PX_PER_MM, 10)}
          step={STEP}
          value={chosen}
          onInput={(event) => choose(Number(event.currentTarget.value))}
        />
      </label>
      <div class="card-buttons">
        <button type="button" class="button primary" onClick={() => keep(chosen)}>
          {calibration.save}
        </button>
        <button type="button" class="button" onClick={() => keep(null)}>
          {calibration.forget}
        </button>
      </div>
    </Dialog>
  );
}

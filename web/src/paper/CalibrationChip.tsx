/** Says whether a millimetre on the screen is one, and opens the calibration. */
import { useState } from "preact/hooks";
import { number, words } from "../i18n";
import type { Display } from "./props";
import { CalibrationDialog } from "./tools/CalibrationDialog";

export interface CalibrationChipProps {
  readonly display: Display;
  readonly onDisplay: (display: Display) => void;
}

export function CalibrationChip({ display, onDisplay }: CalibrationChipProps) {
  const [isOpen, open] = useState(false);
  const { paper } = words.value;
  return (
    <>
      <button type="button" class="chip" aria-haspopup="dialog" onClick={() => open(true)}>
        {display.calibrated ? paper.calibrated(number(display.pxPerMm, 2)) : paper.notToScale}
      </button>
      {isOpen && (
        <CalibrationDialog
          pxPerMm={display.pxPerMm}
          onCalibrated={(calibration) => onDisplay({ ...display, ...calibration })}
          onClose={() => open(false)}
        />
      )}
    </>
  );
}

/** How many CSS pixels are a millimetre on this screen. A person measures it once with a card. */

/** ISO/IEC 7810 ID-1, as credit cards. */
export const CARD_WIDTH_MM = 85.6;
export const CARD_HEIGHT_MM = 53.98;
export const UNCALIBRATED_PX_PER_MM = 4;
/** A watch's display has about 13 CSS px a mm, a projector's wall less than one. */
export const LEAST_PX_PER_MM = 1;
export const MOST_PX_PER_MM = 14;
const STORED = "ecg-px-per-mm";

export interface Calibration {
  readonly pxPerMm: number;
  readonly calibrated: boolean;
}

export function storedCalibration(): Calibration {
  const stored = Number(localStorage.getItem(STORED));
  const calibrated = stored >= LEAST_PX_PER_MM && stored <= MOST_PX_PER_MM;
  return { pxPerMm: calibrated ? stored : UNCALIBRATED_PX_PER_MM, calibrated };
}

/** Keep a calibration in this browser, or forget it. */
export function storeCalibration(pxPerMm: number | null): Calibration {
  if (pxPerMm === null) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, String(pxPerMm));
  return storedCalibration();
}

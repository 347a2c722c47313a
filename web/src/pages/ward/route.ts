/** The address after the #: nothing for the board, /PATIENT for a patient's page. */
import { patient } from "./state";

export function openPatient(name: string): void {
  location.hash = `#/${encodeURIComponent(name)}`;
}

export function openBoard(): void {
  location.hash = "";
}

export function watchRoute(): void {
  const read = () => {
    const name = location.hash.replace(/^#\/?/, "").split("/")[0] ?? "";
    patient.value = name === "" ? null : decodeURIComponent(name);
  };
  addEventListener("hashchange", read);
  read();
}

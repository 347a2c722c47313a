/** Deutsch. */
import type { Words } from "./en";

export const de: Words = {
  name: "Deutsch",
  app: {
    title: "EKG-Anzeige",
    researchUse: "Nur für Forschungszwecke. Kein Medizinprodukt.",
    open: "Öffnen",
    compare: "Vergleichen",
    export: "Ausgeben",
    close: "Schließen",
    language: "Sprache",
    theme: "Darstellung",
    key: "API-Schlüssel",
  },
  empty: {
    drop: "Aufzeichnung hier ablegen",
    choose: "Dateien wählen",
    paste: "Einfügen",
    examples: "Beispiele, synthetisch",
    stays: "Bleibt in diesem Browser. Nichts wird gespeichert.",
  },
  loading: { reading: "Die Aufzeichnung wird gelesen", model: "Gemessen. Das Modell liest." },
};

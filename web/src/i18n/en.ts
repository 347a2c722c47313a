/** English. The other languages have the same shape. */

export const en = {
  name: "English",
  app: {
    title: "ECG viewer",
    researchUse: "For research use only. Not a medical device.",
    open: "Open",
    compare: "Compare",
    export: "Export",
    close: "Close",
    language: "Language",
    theme: "Theme",
    key: "API key",
  },
  empty: {
    drop: "Drop a recording",
    choose: "Choose files",
    paste: "Paste",
    examples: "Examples, synthetic",
    stays: "Stays in this browser. Nothing is stored.",
  },
  loading: { reading: "Reading the recording", model: "Measured. The model is reading." },
};

export type Words = typeof en;

/** A window of a recording as a record of its own. */
import type { PackedRecord } from "../../api/upload";
import { type Recording, samplesOf } from "../../ecg/recording";
import type { Span } from "../../paper/props";

export interface Person {
  readonly age: number | null;
  readonly sex: string | null;
}

export function cropped(recording: Recording, { fromS, toS }: Span, person: Person): PackedRecord {
  const { fs, leadNames, samples } = recording;
  const from = Math.max(0, Math.round(Math.min(fromS, toS) * fs));
  const to = Math.min(samples, Math.round(Math.max(fromS, toS) * fs));
  const cut = new Float32Array(leadNames.length * (to - from));
  leadNames.forEach((name, row) => {
    cut.set(samplesOf(recording, name).subarray(from, to), row * (to - from));
  });
  return {
    signal: {
      dtype: "<f4",
      shape: [leadNames.length, to - from],
      data: new Uint8Array(cut.buffer),
    },
    fs,
    lead_names: leadNames,
    units: "mV",
    patient: person,
  };
}

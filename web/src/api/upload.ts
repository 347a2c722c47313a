/** What a person opened, and how it is written into a request. */
import { encode } from "@msgpack/msgpack";

/** What some files do not say of themselves, as the server's parameters of these names. */
export interface Hints {
  readonly fs?: string;
  readonly lead_names?: string;
  readonly units?: string;
  readonly gain?: string;
}
export const HINT_NAMES = ["fs", "lead_names", "units", "gain"] as const;

/** A record with its samples as bytes, as /analyze takes it in msgpack. */
export interface PackedRecord {
  readonly signal: {
    readonly dtype: "<f4";
    readonly shape: readonly [number, number];
    readonly data: Uint8Array;
  };
  readonly fs: number;
  readonly lead_names: readonly string[];
  readonly units: "mV";
  readonly patient?: { readonly age: number | null; readonly sex: string | null };
}

/** Files of one recording, the text of a JSON record, or samples that were cut in the browser. */
export type Upload =
  | { readonly kind: "files"; readonly files: readonly File[]; readonly hints?: Hints }
  | { readonly kind: "json"; readonly text: string; readonly hints?: Hints }
  | { readonly kind: "record"; readonly record: PackedRecord };

export interface Body {
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string | null;
  readonly content: BodyInit;
}

export function bodyOf(upload: Upload): Body {
  switch (upload.kind) {
    case "json":
      return {
        query: {},
        contentType: "application/json",
        content: withHints(upload.text, upload.hints),
      };
    case "record":
      return {
        query: {},
        contentType: "application/msgpack",
        content: new Blob([encode(upload.record)]),
      };
    case "files": {
      const form = new FormData();
      for (const file of upload.files) form.append("file", file, file.name);
      // The browser writes the content type, as only it knows the form's boundary.
      return { query: { ...upload.hints }, contentType: null, content: form };
    }
  }
}

/** A JSON body has no parameters besides it: what was filled in goes into the record. */
function withHints(text: string, hints: Hints | undefined): string {
  if (hints === undefined) return text;
  const { fs, gain, lead_names: leads, units } = hints;
  return JSON.stringify({
    ...(JSON.parse(text) as object),
    ...(fs !== undefined && { fs: Number(fs) }),
    ...(gain !== undefined && { gain: Number(gain) }),
    ...(leads !== undefined && { lead_names: leads.split(",").map((name) => name.trim()) }),
    ...(units !== undefined && { units }),
  });
}

/** What a record says of its patient. Of a file only the server knows it. */
export interface Stated {
  readonly age: number | null;
  readonly sex: string | null;
  readonly recordingDate: string | null;
}

const SEXES: Readonly<Record<string, string>> = { m: "male", f: "female" };

export function statedIn(upload: Upload): Stated {
  if (upload.kind === "files") return { age: null, sex: null, recordingDate: null };
  const record = (upload.kind === "json" ? JSON.parse(upload.text) : upload.record) as {
    readonly patient?: { readonly age?: unknown; readonly sex?: unknown } | null;
    readonly recording_date?: unknown;
  };
  const { age, sex } = record.patient ?? {};
  const date = record.recording_date;
  return {
    age: typeof age === "number" ? age : null,
    sex: typeof sex === "string" ? (SEXES[sex.toLowerCase()] ?? sex.toLowerCase()) : null,
    recordingDate: typeof date === "string" ? date : null,
  };
}

import { decode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { bodyOf, statedIn } from "./upload";

test("files go into a form, and what they do not say into the query", async () => {
  const files = [new File(["x"], "r.hea"), new File(["y"], "r.dat")];
  const body = bodyOf({ kind: "files", files, hints: { fs: "500", units: "uV" } });
  const form = body.content as FormData;
  expect(form.getAll("file").map((file) => (file as File).name)).toEqual(["r.hea", "r.dat"]);
  expect(body.query).toEqual({ fs: "500", units: "uV" });
  expect(body.contentType).toBeNull();
});

test("a JSON record stays as it was written, or takes what was filled in", () => {
  const text = '{"signal": [[1, null]]}';
  expect(bodyOf({ kind: "json", text }).content).toBe(text);
  const filled = bodyOf({ kind: "json", text, hints: { fs: "250", lead_names: "I, II" } });
  expect(JSON.parse(filled.content as string)).toEqual({
    signal: [[1, null]],
    fs: 250,
    lead_names: ["I", "II"],
  });
});

test("cut samples are sent as msgpack", async () => {
  const signal = { dtype: "<f4", shape: [1, 2], data: new Uint8Array(8) } as const;
  const record = { signal, fs: 500, lead_names: ["II"], units: "mV" } as const;
  const body = bodyOf({ kind: "record", record });
  const bytes = await (body.content as Blob).arrayBuffer();
  expect(body.contentType).toBe("application/msgpack");
  expect(decode(bytes)).toMatchObject({ fs: 500, lead_names: ["II"] });
});

test("a record says of its patient what the server does not repeat", () => {
  const text = '{"signal": [], "patient": {"age": 63, "sex": "F"}, "recording_date": "2024-05-01"}';
  const stated = { age: 63, sex: "female", recordingDate: "2024-05-01" };
  expect(statedIn({ kind: "json", text })).toEqual(stated);
  const nothing = { age: null, sex: null, recordingDate: null };
  expect(statedIn({ kind: "json", text: '{"signal": [], "patient": null}' })).toEqual(nothing);
  expect(statedIn({ kind: "files", files: [] })).toEqual(nothing);
});

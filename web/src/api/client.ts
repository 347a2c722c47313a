/** Requests to the inference server that served this page. */
import { decode } from "@msgpack/msgpack";
import { type Recording, recordingOf } from "../ecg/recording";
import type { Analysis, Health } from "./answer";
import { problemOf } from "./problem";
import { request, send } from "./request";
import { bodyOf, type Upload } from "./upload";

export type Options = Readonly<Record<string, string | number | undefined>>;

/** Parts that make the page, without the trace, which comes first and as binary numbers. */
const PARTS = [
  "clinical_analysis",
  "findings",
  "labels",
  "superclass",
  "pacemaker",
  "measurements",
  "quality",
  "fiducials",
  "representative_beat",
  "matrix",
  "reported",
  "saliency",
].join(",");

export async function readTrace(upload: Upload, abort?: AbortSignal): Promise<Recording> {
  const response = await post(upload, "application/msgpack", { include: "signal" }, abort);
  return recordingOf(decode(await response.arrayBuffer()));
}

export async function analyze(upload: Upload, abort?: AbortSignal): Promise<Analysis> {
  const response = await post(upload, "application/json", { include: PARTS }, abort);
  return (await response.json()) as Analysis;
}

/** Ask /analyze for the recording in another form: a report, a FHIR bundle. */
export async function exported(
  upload: Upload,
  accept: string,
  options: Options = {},
): Promise<Blob> {
  return (await post(upload, accept, options)).blob();
}

/** /health, whose answer is the same while the server starts or drains, then with 503. */
export async function readHealth(): Promise<Health> {
  const response = await send("health", {});
  const isHealth = response.headers.get("Content-Type")?.startsWith("application/json") ?? false;
  if (!isHealth) throw await problemOf(response);
  return (await response.json()) as Health;
}

export async function getJson<T>(path: string): Promise<T> {
  return (await request(path, {})).json() as Promise<T>;
}

export async function getText(path: string): Promise<string> {
  return (await request(path, {})).text();
}

async function post(
  upload: Upload,
  accept: string,
  options: Options,
  abort?: AbortSignal,
): Promise<Response> {
  const { content, contentType, query } = bodyOf(upload);
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const headers: Record<string, string> = { Accept: accept };
  if (contentType !== null) headers["Content-Type"] = contentType;
  const init = { method: "POST", headers, body: content, signal: abort ?? null };
  return request(`analyze?${parameters}`, init);
}

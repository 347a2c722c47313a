/** What the server answers when it refuses (RFC 9457), and what stands for it when nothing answers. */
import type { ProblemBody } from "./answer";

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | null,
    readonly faults: readonly { readonly loc: readonly unknown[]; readonly msg: string }[] = [],
    /** When it is worth asking again, where the server says so. */
    readonly retryAfterS: number | null = null,
  ) {
    super(`${title}: ${detail}`);
  }

  get needsKey(): boolean {
    return this.code === "unauthorized" || this.code === "forbidden";
  }

  /** The fields of the request that it names, e.g. `fs` for a file without a sampling rate. */
  get fields(): readonly string[] {
    return this.faults.map(({ loc }) => String(loc[0]));
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {}

export async function problemOf(response: Response): Promise<Problem> {
  const requestId = response.headers.get("X-Request-ID");
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfterS = Number.isFinite(retryAfter) ? retryAfter : null;
  try {
    const body = (await response.json()) as ProblemBody;
    const { code, title, detail, errors } = body;
    return new Problem(
      response.status,
      code,
      title,
      detail,
      body.request_id ?? requestId,
      errors ?? [],
      retryAfterS,
    );
  } catch {
    // A proxy between browser and server answers without a problem's form.
    const title = response.statusText || `HTTP ${response.status}`;
    return new Problem(
      response.status,
      `http_${response.status}`,
      title,
      "",
      requestId,
      [],
      retryAfterS,
    );
  }
}

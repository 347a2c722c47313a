/** A request to the server that served this page, with this tab's key. */
import { addressOf } from "./address";
import { connectionLost, connectionWorks } from "./connection";
import { apiKey } from "./key";
import { problemOf, Unreachable } from "./problem";

/** Return the answer, whatever its status. Throws Unreachable where nothing answers. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (apiKey.value !== null) headers.set("X-API-Key", apiKey.value);
  let response: Response;
  try {
    response = await fetch(addressOf(path), { ...init, headers, cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    connectionLost();
    throw new Unreachable(path);
  }
  connectionWorks();
  return response;
}

/** Return the answer of a request that the server accepts. Throws Problem, Unreachable. */
export async function request(path: string, init: RequestInit): Promise<Response> {
  const response = await send(path, init);
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Addresses of the server that served this page. */

/**
 * The folder of its pages, as it was when this page was opened: there may be a proxy that adds a path,
 * and a page's own address changes while it is open.
 */
const ROOT = new URL("./", document.baseURI);

/** Return the address of a path, which has no slash at its beginning. */
export function addressOf(path: string): string {
  return new URL(path, ROOT).href;
}

/** Samples as the station sends them: int16 in base64, little-endian. */

/** Return millivolts; NaN for gaps. */
export function millivolts(base64: string, perMv: number, gap: number): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 2 }, (_, at) => {
    const value = view.getInt16(2 * at, true);
    return value === gap ? Number.NaN : value / perMv;
  });
}

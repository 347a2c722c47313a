/** A small picture of a recording: lead II, or the first lead, drawn by its extremes. */

export interface JsonRecord {
  readonly signal:
    | readonly (readonly (number | null)[])[]
    | Readonly<Record<string, readonly (number | null)[]>>;
  readonly fs: number;
  readonly lead_names?: readonly string[];
}

/** The path of an SVG of that size, over the first seconds. Empty where there are no samples. */
export function thumbnailPath(
  record: JsonRecord,
  width: number,
  height: number,
  seconds: number,
): string {
  const samples = leadOf(record).slice(0, Math.round(record.fs * seconds));
  const present = samples.filter((value): value is number => value !== null);
  if (present.length === 0) return "";
  const lowest = Math.min(...present);
  const span = Math.max(...present) - lowest || 1;
  const y = (value: number) => (height - 2 - ((value - lowest) / span) * (height - 4)).toFixed(1);
  let path = "";
  for (let column = 0; column < width; column++) {
    const from = Math.floor((column * samples.length) / width);
    const to = Math.max(from + 1, Math.floor(((column + 1) * samples.length) / width));
    const part = samples.slice(from, to).filter((value): value is number => value !== null);
    if (part.length === 0) continue;
    path += `${path === "" ? "M" : "L"}${column} ${y(Math.max(...part))}`;
    if (part.length > 1) path += `L${column} ${y(Math.min(...part))}`;
  }
  return path;
}

function leadOf({ signal, lead_names: names }: JsonRecord): readonly (number | null)[] {
  if (!Array.isArray(signal)) {
    const leads = signal as Readonly<Record<string, readonly (number | null)[]>>;
    return leads.II ?? Object.values(leads)[0] ?? [];
  }
  return signal[Math.max(0, names?.indexOf("II") ?? 1)] ?? signal[0] ?? [];
}

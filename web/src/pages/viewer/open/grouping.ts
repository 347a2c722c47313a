/** Which of the files that a person dropped belong to one recording. */

export interface Opened {
  readonly name: string;
  /** The text of a WFDB header; of no other file. */
  readonly header?: string | undefined;
}

export interface Grouping<T extends Opened> {
  readonly groups: readonly (readonly T[])[];
  /** False where names and headers do not tell: the person is asked. */
  readonly sure: boolean;
}

/** Files that WFDB reads only with a header beside them. A .mat may be read alone. */
const NEEDS_HEADER = /\.(dat|d\d+)$/i;

export const isHeader = (name: string): boolean => /\.hea$/i.test(name);

/** The name without folder and extension. */
export function baseName(name: string): string {
  const file = name.replace(/^.*[\\/]/, "");
  return file.replace(/(\.\w{1,5}){1,2}$/, "") || file;
}

/** The files that a WFDB header names: signal files, or the headers of its segments. */
export function namedIn(header: string): ReadonlySet<string> {
  const lines = header.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const [first = "", ...rest] = lines;
  // `record/segments ...`: the lines below name segments without an extension.
  const hasSegments = /^\S+\/\d+/.test(first);
  const names = rest.map((line) => line.trim().split(/\s+/)[0] ?? "");
  const files = names.filter((name) => name !== "" && name !== "~" && name !== "-");
  return new Set(files.map((name) => (hasSegments ? `${name}.hea` : name)));
}

export function groupFiles<T extends Opened>(files: readonly T[]): Grouping<T> {
  const groupOf = new Map<T, T[]>(files.map((file) => [file, [file]]));
  const join = (one: T, other: T) => {
    const [kept, merged] = [groupOf.get(one), groupOf.get(other)];
    if (kept === undefined || merged === undefined || kept === merged) return;
    kept.push(...merged);
    for (const file of merged) groupOf.set(file, kept);
  };
  let sure = true;
  for (const header of files.filter((file) => isHeader(file.name))) {
    const named = namedIn(header.header ?? "");
    const found = files.filter((file) => named.has(file.name));
    for (const file of found) join(header, file);
    // A renamed signal file is found by its base name; the server then decides.
    if (found.length < named.size) {
      const partners = files.filter(
        (file) => file !== header && baseName(file.name) === baseName(header.name),
      );
      for (const file of partners) join(header, file);
      if (partners.length === 0 && files.length > 1) sure = false;
    }
  }
  const groups = [...new Set(groupOf.values())];
  const isOrphan = (group: readonly T[]) =>
    group.length === 1 && group.some((file) => NEEDS_HEADER.test(file.name));
  if (groups.length > 1 && groups.some(isOrphan)) sure = false;
  return { groups, sure };
}

/** What a tab of these files is called. */
export function nameOf(group: readonly Opened[]): string {
  const first = group.find((file) => isHeader(file.name)) ?? group[0];
  return first === undefined ? "" : baseName(first.name);
}

/** From what a person dropped, chose or pasted to recordings in tabs. */
import { signal } from "@preact/signals";
import { announce } from "../../../ui/announce";
import { FIELDS } from "../../../ui/fields";
import { closeDialog } from "../dialogs";
import { openRecording } from "../state";
import { groupFiles, isHeader, nameOf } from "./grouping";

/** Files of which the names do not tell whether they are one recording. */
export const undecided = signal<readonly File[] | null>(null);

export async function openFiles(files: readonly File[]): Promise<void> {
  const opened = await Promise.all(
    files.map(async (file) => ({
      name: file.name,
      file,
      header: isHeader(file.name) ? await file.text() : undefined,
    })),
  );
  const { groups, sure } = groupFiles(opened);
  if (!sure) {
    undecided.value = files;
    return;
  }
  await openGroups(groups.map((group) => group.map(({ file }) => file)));
}

export async function decide(files: readonly File[], areOne: boolean): Promise<void> {
  undecided.value = null;
  await openGroups(areOne ? [files] : files.map((file) => [file]));
}

async function openGroups(groups: readonly (readonly File[])[]): Promise<void> {
  // All tabs at once: their requests wait in the server's queue, not here.
  await Promise.all(groups.map((files) => openRecording(nameOf(files), { kind: "files", files })));
}

/** The text of a JSON record, of several, or of a CSV table. */
export async function openText(text: string, name: string): Promise<void> {
  const records = jsonRecords(text);
  if (records === null) {
    // Anything else is found by its content, as a file is.
    const file = new File([text], `${name}.txt`);
    return openRecording(name, { kind: "files", files: [file] });
  }
  await Promise.all(
    records.map((record, at) => {
      const { id } = record as { id?: unknown };
      const numbered = records.length > 1 ? `${name} ${at + 1}` : name;
      const title = typeof id === "string" && id.trim() !== "" ? id : numbered;
      return openRecording(title, { kind: "json", text: JSON.stringify(record) });
    }),
  );
}

/** The records of a JSON body of /analyze; null for other text, which the server refuses in words. */
export function jsonRecords(text: string): readonly object[] | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (!isObject(body)) return null;
  const { records } = body as { records?: unknown };
  if (Array.isArray(records)) return records.length > 0 && records.every(isObject) ? records : null;
  return "signal" in body ? [body] : null;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Take what is dropped or pasted anywhere on the page. */
export function listenForRecordings(pastedName: () => string): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.documentElement.dataset.dragging = "";
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) delete document.documentElement.dataset.dragging;
  });
  document.addEventListener("drop", (event) => {
    delete document.documentElement.dataset.dragging;
    if (!hasFiles(event)) return;
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    // The recording would open behind the dialog that it was dropped on.
    closeDialog();
    void openFiles(files);
  });
  document.addEventListener("paste", (event) => {
    if (event.target instanceof Element && event.target.closest(FIELDS)) return;
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (files.length === 0 && text.trim() === "") return;
    event.preventDefault();
    closeDialog();
    if (files.length > 0) void openFiles(files);
    else void openText(text, pastedName());
    announce(pastedName());
  });
}

/** Hand a file to the browser's downloads. */
export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The download has its own reference once it began.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Where a person types: no key of the page acts there, and what is pasted stays there. */
export const FIELDS = "input, textarea, select, [contenteditable]";

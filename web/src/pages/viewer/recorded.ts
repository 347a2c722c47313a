/** When recordings were made, by their recorders' clocks. */

/** Return a date that sorts as text: to the day or finer. Null for none, or one of another form. */
function sortable(date: string | null): string | null {
  const [found] = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?/.exec(date ?? "") ?? [];
  return found?.replace(" ", "T") ?? null;
}

/** Whether one was recorded before another; false where either date is unknown. */
export function isRecordedBefore(one: string | null, other: string | null): boolean {
  const [first, second] = [sortable(one), sortable(other)];
  return first !== null && second !== null && first < second;
}

/** Return items by their dates, those without a date first, in the order in which they came. */
export function byRecordingDate<T>(
  items: readonly T[],
  dateOf: (item: T) => string | null,
): readonly T[] {
  const key = (item: T) => sortable(dateOf(item)) ?? "";
  return items.toSorted((one, other) =>
    key(one) < key(other) ? -1 : Number(key(one) > key(other)),
  );
}

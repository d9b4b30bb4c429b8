const bounds = new Map<number, [number, number]>();

/** Ms at which daylight saving time begins and ends in US Pacific time in a year: 2nd Sunday of March, 1st of November, at 2:00. */
function daylight(year: number): [number, number] {
  const known = bounds.get(year);
  if (known) return known;
  const sunday = (month: number, nth: number): number => {
    const first = new Date(Date.UTC(year, month, 1)).getUTCDay();
    return 1 + ((7 - first) % 7) + (nth - 1) * 7;
  };
  const made: [number, number] = [Date.UTC(year, 2, sunday(2, 2), 10), Date.UTC(year, 10, sunday(10, 1), 9)];
  bounds.set(year, made);
  return made;
}

/** Box's own way to write a moment: whole seconds with the US Pacific offset, `2026-03-23T09:18:35-07:00`. */
export function pacific(ms: number): string {
  const [from, until] = daylight(new Date(ms).getUTCFullYear());
  const hours = ms >= from && ms < until ? 7 : 8;
  return `${new Date(ms - hours * 3_600_000).toISOString().slice(0, 19)}-0${hours}:00`;
}

export const pacificOrNull = (ms: number | null | undefined): string | null => (ms == null ? null : pacific(ms));

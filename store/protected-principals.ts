/** An address is the same however it is written; what else is an id, in which some apps tell the cases apart. */
const key = (name: string): string => (name.includes('@') ? name.toLowerCase() : name);

/** The first of somebody's names that is on the list of those whom no action may touch. */
export function protectedAmong(listed: readonly string[], names: readonly string[]): string | undefined {
  if (listed.length === 0) return undefined;
  const keys = new Set(listed.map(key));
  return names.find((name) => keys.has(key(name)));
}

/**
 * What a worker process has learnt of something and uses again for a while, whichever session asks. Of too many the
 * oldest goes.
 */
export function createAged<T>({ forMs, most }: { forMs: number; most: number }) {
  const values = new Map<string, { value: T; since: number }>();
  return {
    get(key: string, now: Date): T | undefined {
      const known = values.get(key);
      const age = known ? now.getTime() - known.since : -1;
      return age >= 0 && age < forMs ? known!.value : undefined;
    },
    set(key: string, value: T, now: Date): void {
      values.delete(key);
      values.set(key, { value, since: now.getTime() });
      if (values.size > most) values.delete(values.keys().next().value!);
    },
    delete: (key: string): boolean => values.delete(key),
  };
}

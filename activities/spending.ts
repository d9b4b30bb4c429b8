import type { Governor } from '../connectors/quota.ts';

/** A governor that also counts, per rate and budget bucket, the calls that were granted. */
export function counting(governor: Governor): { governor: Governor; spent: Map<string, number> } {
  const spent = new Map<string, number>();
  return {
    spent,
    governor: {
      async acquire(charges, urgency, signal, connectionId) {
        const permit = await governor.acquire(charges, urgency, signal, connectionId);
        for (const { bucket, kind } of charges)
          if (kind !== 'concurrent') spent.set(bucket, (spent.get(bucket) ?? 0) + 1);
        return permit;
      },
    },
  };
}

type Spent = { bucket: string; calls: number }[];

/** Adds what was counted to what is stored, and begins to count anew. */
export function addSpent(stored: Spent = [], counted: Map<string, number>): Spent {
  const sum = new Map(stored.map(({ bucket, calls }) => [bucket, calls]));
  for (const [bucket, calls] of counted) sum.set(bucket, (sum.get(bucket) ?? 0) + calls);
  counted.clear();
  return [...sum].map(([bucket, calls]) => ({ bucket, calls }));
}

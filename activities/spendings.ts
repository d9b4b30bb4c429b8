import type { QuotaSpending, QuotaUses } from '../store/quota-uses.ts';
import type { Timers } from './waiting-line.ts';

const flushMs = 5_000;

/** Gathers what the connections of this process spend, and tells the store of it now and then. */
export function createSpendings(
  uses: Pick<QuotaUses, 'add'> | undefined,
  timers: Timers,
  problem: (error: unknown) => void,
): { count(connectionId: string, bucket: string, units: number): void; flush(): Promise<void> } {
  const gathered = new Map<string, QuotaSpending>();
  let cancel: (() => void) | undefined;

  async function flush(): Promise<void> {
    cancel?.();
    cancel = undefined;
    const spendings = [...gathered.values()];
    gathered.clear();
    if (spendings.length > 0) await uses?.add(spendings).catch(problem);
  }

  return {
    count(connectionId, bucket, units) {
      if (!uses || connectionId === '') return;
      const key = `${connectionId}/${bucket}`;
      const before = gathered.get(key)?.units ?? 0;
      gathered.set(key, { connectionId, bucket, units: before + units });
      cancel ??= timers.after(flushMs, () => void flush());
    },
    flush,
  };
}

import { describe, expect, it } from 'vitest';
import type { WatchResult } from '../../activities/results.ts';
import * as messages from '../../workflows/messages.ts';
import { watched, wishes } from '../support/connection-workflow.ts';
import { useSkippedTime } from '../support/use-skipped-time.ts';

const { running, eventually, sleep } = useSkippedTime();

/** Counts the looks and keeps their rounds; `next` is what the next look finds. */
function feed() {
  const looks: { round: number; scope: string }[] = [];
  const told = {
    looks,
    next: undefined as (() => WatchResult) | undefined,
    async watchChunk({ round, scope }: { round: number; scope: string }): Promise<WatchResult> {
      looks.push({ round, scope });
      const result = told.next?.() ?? watched();
      told.next = undefined;
      return result;
    },
  };
  return told;
}

describe('a connection where nothing changes', () => {
  it('is looked at for hours without an event of its history', async () => {
    const { looks, watchChunk } = feed();
    await running({ watchChunk }, async (handle, said) => {
      await eventually(() => said.states.at(-1)?.phase === 'watching');
      const scanned = looks.length;
      await eventually(() => looks.length > scanned + 5, '5m');
      const before = { looks: looks.length, events: (await handle.describe()).historyLength };
      await sleep('2h');
      // Every five minutes, in the end.
      expect(looks.length - before.looks).toBeGreaterThanOrEqual(23);
      expect(looks.length - before.looks).toBeLessThanOrEqual(25);
      expect((await handle.describe()).historyLength).toBe(before.events);
      const rounds = looks.map(({ round }) => round);
      expect(rounds).toEqual([...new Set(rounds)].sort((a, b) => a - b));
    });
  });

  it('is looked at at once when it is told of a change, and then in a new round', async () => {
    const { looks, watchChunk } = feed();
    await running({ watchChunk }, async (handle) => {
      await eventually(() => looks.length > 5, '5m');
      const before = looks.length;
      await handle.signal(messages.changed);
      await eventually(() => looks.length > before, 1);
      expect(looks[before]!.round).toBeGreaterThan(looks[before - 1]!.round);
      expect(looks[before]!.scope).toBe('all');
    });
  });

  it('is looked at more often again as soon as something was found', async () => {
    const found = feed();
    await running({ watchChunk: found.watchChunk }, async (handle) => {
      await eventually(() => found.looks.length > 8, '5m');
      found.next = () => watched({ changes: 3 });
      await eventually(() => found.next === undefined, '5s');
      const before = found.looks.length;
      await sleep('2m');
      expect(found.looks.length - before).toBeGreaterThanOrEqual(3);
      expect((await handle.query(messages.getState)).watch.changes).toBe(3);
    });
  });

  it('does a round as always where a look fails, and is seen to wait where that fails too', async () => {
    const { looks, watchChunk } = feed();
    let failures = 30;
    let broken = false;
    const change = {
      async watchChunk(input: { round: number; scope: string }) {
        if (!broken) return watchChunk(input);
        if ((failures -= 1) === 0) broken = false;
        throw new Error('the store is away');
      },
    };
    await running(change, async (_handle, said) => {
      await eventually(() => looks.length > 5, '5m');
      broken = true;
      await eventually(() => said.states.some(({ waits }) => waits.watch?.reason === 'trouble'), '20s');
      await eventually(() => !broken, '20s');
      const before = looks.length;
      await eventually(() => looks.length > before + 2, '5m');
    });
  });

  it('hears within one look what only the store was told', async () => {
    const { looks, watchChunk } = feed();
    let asked = wishes();
    await running(
      {
        readWishes: async () => asked,
        watchChunk: async (input) => ({ ...(await watchChunk(input)), wishes: asked }),
      },
      async (_handle, said) => {
        await eventually(() => looks.length > 5, '5m');
        asked = wishes({ wanted: 'paused' });
        await eventually(() => said.states.at(-1)?.phase === 'paused', '1m');
        const before = looks.length;
        await sleep('1h');
        expect(looks.length).toBe(before);
      },
    );
  });
});

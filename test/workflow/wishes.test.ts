import { describe, expect, it } from 'vitest';
import type { Wishes } from '../../activities/results.ts';
import * as messages from '../../workflows/messages.ts';
import { swept, watched, wishes } from '../support/connection-workflow.ts';
import { useSkippedTime } from '../support/use-skipped-time.ts';

const { running, eventually, sleep } = useSkippedTime();

describe('what operators wish of a connection', () => {
  it('pauses, refuses a rescan while paused with the reason, and resumes', async () => {
    let rounds = 0;
    await running(
      {
        watchChunk: async () => {
          rounds += 1;
          return watched();
        },
      },
      async (handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        said.wishes = wishes({ wanted: 'paused' });
        await handle.executeUpdate(messages.pause);
        await eventually(() => said.states.at(-1)?.phase === 'paused');
        const before = rounds;
        await sleep('1h');
        expect(rounds).toBe(before);
        await expect(handle.executeUpdate(messages.rescan)).rejects.toMatchObject({
          cause: { message: expect.stringContaining('is paused') },
        });
        await expect(handle.executeUpdate(messages.pause)).rejects.toThrow();
        said.wishes = wishes();
        await handle.executeUpdate(messages.resume);
        await eventually(() => rounds > before);
      },
    );
  });

  it('obeys a wish that only the store has heard', async () => {
    let wanted: Wishes['wanted'] = 'running';
    await running(
      { readWishes: async () => wishes({ wanted }), watchChunk: async () => watched({ wishes: wishes({ wanted }) }) },
      async (_handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        wanted = 'paused';
        await eventually(() => said.states.at(-1)?.phase === 'paused', 60_000);
        expect(said.states.at(-1)?.phase).toBe('paused');
      },
    );
  });

  it('rescans at once when asked, and once however often it hears of it', async () => {
    const scans = new Set<number>();
    let asked = wishes();
    await running(
      {
        readWishes: async () => asked,
        watchChunk: async () => watched({ wishes: asked }),
        sweepChunk: async ({ scan }) => {
          scans.add(scan);
          return swept();
        },
      },
      async (handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        asked = wishes({ rescanWanted: 1 });
        await handle.executeUpdate(messages.rescan);
        await eventually(() => scans.has(2));
        await sleep('20m');
        expect([...scans]).toEqual([1, 2]);
      },
    );
  });

  it('ends when disconnected: subscriptions and credential first, then the state', async () => {
    const ends: string[] = [];
    await running(
      {
        disconnect: async () => void ends.push('disconnect'),
        erase: async () => void ends.push('erase'),
      },
      async (handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        said.wishes = wishes({ wanted: 'disconnected' });
        await handle.executeUpdate(messages.disconnect);
        await handle.result();
        expect(ends).toEqual(['disconnect']);
        expect(said.states.at(-1)?.phase).toBe('disconnected');
      },
    );
  });

  it('obeys an erase that is wished while a disconnect comes to its end', async () => {
    const ends: string[] = [];
    let wanted: Wishes['wanted'] = 'running';
    let wishErase: (() => Promise<unknown>) | undefined;
    await running(
      {
        readWishes: async () => {
          const read = wishes({ wanted });
          if (ends.length === 1 && wanted === 'disconnected') {
            wanted = 'erased';
            await wishErase!();
          }
          return read;
        },
        disconnect: async () => void ends.push('disconnect'),
        erase: async () => void ends.push('erase'),
      },
      async (handle, said) => {
        wishErase = () => handle.executeUpdate(messages.disconnect);
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        wanted = 'disconnected';
        await handle.executeUpdate(messages.disconnect);
        await handle.result();
        expect(ends).toEqual(['disconnect', 'erase']);
      },
    );
  });

  it('ends as a duplicate, naming the connection that has the tenant', async () => {
    await running(
      {
        authenticate: async () => ({
          outcome: 'duplicate',
          problem: { kind: 'duplicate', what: 'acme is connected already, as con_1', who: 'operator', since: '' },
        }),
      },
      async (handle, said) => {
        await handle.result();
        expect(said.states.at(-1)).toMatchObject({
          phase: 'duplicate',
          problem: { what: expect.stringContaining('con_1') },
        });
      },
    );
  });
});

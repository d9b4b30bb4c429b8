import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { describe, expect, it, vi } from 'vitest';
import type { ActionStep, Wishes } from '../../activities/results.ts';
import * as messages from '../../workflows/messages.ts';
import { swept, watched, wishes } from '../support/connection-workflow.ts';
import { useSkippedTime, verified } from '../support/use-skipped-time.ts';

const { running, eventually, sleep } = useSkippedTime();
/** Of true time: nothing is skipped while an activity runs. */
const within = { timeout: 30_000, interval: 50 };

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

  it('a step that outlasts a pause is the last of its action until the connection runs again', async () => {
    const steps: string[] = [];
    let asked = wishes();
    let next: ActionStep | undefined = 'prepareAction';
    let end: () => void = () => undefined;
    const outlasted = new Promise<void>((resolve) => (end = resolve));
    await running(
      {
        authenticate: async () => verified(1),
        readWishes: async () => asked,
        // A chunk that is under way at the pause tells what the store says by then.
        sweepChunk: async () => swept({ wishes: asked }),
        watchChunk: async () => watched({ wishes: asked }),
        nextActions: async ({ running: those }) =>
          next && !those.includes('act_1') ? [{ actionId: 'act_1', title: 'act_1', step: next }] : [],
        async prepareAction() {
          steps.push('prepare');
          const beats = setInterval(() => Context.current().heartbeat(), 1000);
          await outlasted.finally(() => clearInterval(beats));
          next = 'applyAction';
          return { next, touched: false };
        },
        async applyAction() {
          steps.push('apply');
          next = undefined;
          return { touched: false };
        },
      },
      async (handle, said) => {
        await vi.waitFor(() => expect(steps).toEqual(['prepare']), within);
        asked = wishes({ wanted: 'paused' });
        await handle.executeUpdate(messages.pause);
        await vi.waitFor(() => expect(said.states.at(-1)?.phase).toBe('paused'), within);
        end();
        await delay(1_000);
        expect(steps).toEqual(['prepare']);
        asked = wishes();
        await handle.executeUpdate(messages.resume);
        await vi.waitFor(() => expect(steps).toEqual(['prepare', 'apply']), within);
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

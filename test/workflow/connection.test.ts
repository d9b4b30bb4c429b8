import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../activities/contract.ts';
import type { Authentication, Unauthorized, Wishes } from '../../activities/results.ts';
import * as messages from '../../workflows/messages.ts';
import type { ConnectionState } from '../../workflows/messages.ts';
import {
  bundle,
  easyActivities,
  quietRuntime,
  start,
  swept,
  watched,
  wishes,
  withWorkers,
} from '../support/connection-workflow.ts';
import { createTimeSkipping } from '../support/time-skipping.ts';

let env: TestWorkflowEnvironment;
let workflowBundle: WorkflowBundle;
let serial = 0;

beforeAll(async () => {
  quietRuntime();
  [env, workflowBundle] = await Promise.all([createTimeSkipping(), bundle()]);
});
afterAll(() => env?.teardown());

/** Runs one connection; `wanted` is what the store would say, changed by the test. */
async function running(
  change: Partial<Activities>,
  test: (
    handle: Awaited<ReturnType<typeof start>>,
    said: { wishes: Wishes; states: ConnectionState[] },
  ) => Promise<void>,
): Promise<void> {
  const said = { wishes: wishes(), states: [] as ConnectionState[] };
  const activities = easyActivities({
    readWishes: async () => said.wishes,
    writeState: async ({ state }) => void said.states.push(structuredClone(state)),
    ...change,
  });
  serial += 1;
  const options = { connection: env.nativeConnection, workflowBundle, activities };
  await withWorkers(options, async () => {
    const handle = await start(env.client, { connectionId: `con_${serial}` });
    try {
      await test(handle, said);
    } finally {
      await handle.terminate().catch(() => undefined);
    }
  });
}

const eventually = async (what: () => boolean | Promise<boolean>, step: number | string = 1000): Promise<void> => {
  for (let i = 0; i < 200; i++) {
    if (await what()) return;
    await env.sleep(step as number);
  }
  throw new Error('it did not come to that');
};

/** Looks for changes seldom: every look that time skips over is an activity that really runs. */
const verified = (credentialVersion: number): Authentication => ({
  outcome: 'verified',
  credentialVersion,
  timing: { scanEveryMs: 12 * 3600_000, parallel: 1, watchMinMs: 600_000, watchMaxMs: 1800_000, troubleMs: 1000 },
});

const refused = (what: string): Unauthorized => ({
  credentialVersion: 1,
  problem: { kind: 'unauthorized', what, who: 'operator', since: '' },
});

describe('the connection workflow', () => {
  it('reads the stages in their order, then waits for the next scan within twelve hours', async () => {
    const swept_: { stage: string; scan: number; at: number }[] = [];
    await running(
      {
        authenticate: async () => verified(1),
        sweepChunk: async ({ stage, scan }) => {
          swept_.push({ stage, scan, at: await env.currentTimeMs() });
          return swept();
        },
      },
      async (_handle, said) => {
        await eventually(() => swept_.length >= 4);
        expect(swept_.map(({ stage }) => stage)).toEqual(['users', 'permissions', 'activities', 'files']);
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        await eventually(() => swept_.length >= 12, 3600_000);
        const starts = [1, 2, 3].map((scan) => swept_.find((one) => one.scan === scan)!.at);
        const hours = (starts[2]! - starts[1]!) / 3600_000;
        expect(hours).toBeGreaterThan(11.9);
        expect(hours).toBeLessThan(12.1);
        expect(starts[1]! - starts[0]!).toBeLessThan(13.3 * 3600_000);
      },
    );
  });

  it('waits out a back-off in a durable timer that says why, and acts meanwhile', async () => {
    let calls = 0;
    let acted = 0;
    let offered = false;
    await running(
      {
        sweepChunk: async () =>
          ++calls === 1
            ? swept({
                ended: false,
                parts: { total: 1, done: 0, failed: 0, blind: 0, open: 1 },
                delay: {
                  ms: 600_000,
                  reason: 'throttled',
                  why: 'throttled on okta/acme/users',
                  bucket: 'okta/acme/users',
                },
              })
            : swept(),
        nextActions: async () => {
          if (!offered) return [];
          offered = false;
          return [{ actionId: 'act_1', title: 'suspend', step: 'prepareAction' }];
        },
        applyAction: async () => {
          acted += 1;
          return { touched: false };
        },
      },
      async (handle, said) => {
        await eventually(() => said.states.some(({ waits }) => waits.sweep?.reason === 'throttled'));
        const wait = said.states.find(({ waits }) => waits.sweep)!.waits.sweep!;
        expect(wait.why).toBe('throttled on okta/acme/users');
        expect(wait.bucket).toBe('okta/acme/users');
        expect(calls).toBe(1);
        offered = true;
        await handle.signal(messages.requestAction, 'act_1');
        await eventually(() => acted === 1);
        expect(calls).toBe(1);
        await eventually(() => calls >= 2, 60_000);
      },
    );
  });

  it('parks without credentials, tells who must act, and goes on where it was with new ones', async () => {
    let version = 1;
    const stages: string[] = [];
    await running(
      {
        authenticate: async () =>
          version === 1 ? { outcome: 'parked', ...refused('the token is expired') } : verified(version),
        sweepChunk: async ({ stage }) => {
          stages.push(stage);
          return swept({ wishes: wishes({ credentialVersion: version }) });
        },
        watchChunk: async () => watched({ wishes: wishes({ credentialVersion: version }) }),
      },
      async (handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'needsCredentials');
        expect(said.states.at(-1)?.problem?.what).toBe('the token is expired');
        expect(stages).toEqual([]);
        version = 2;
        await handle.signal(messages.credentialsChanged);
        await eventually(() => stages.length >= 4);
        expect(said.states.at(-1)?.problem).toBeUndefined();
      },
    );
  });

  it('stops at a revoked credential in mid-scan and resumes the same scan at the same stage', async () => {
    let version = 1;
    const log: string[] = [];
    await running(
      {
        authenticate: async () => {
          log.push(`auth ${version}`);
          return version === 1 && log.length > 1 ? { outcome: 'parked', ...refused('revoked') } : verified(version);
        },
        sweepChunk: async ({ stage, scan }) => {
          log.push(`${stage} ${scan}`);
          if (stage === 'permissions' && version === 1) {
            return swept({
              ended: false,
              unauthorized: refused('revoked'),
            });
          }
          return swept({ wishes: wishes({ credentialVersion: version }) });
        },
        watchChunk: async () => watched({ wishes: wishes({ credentialVersion: version }) }),
      },
      async (handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'needsCredentials');
        version = 2;
        await handle.signal(messages.credentialsChanged);
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        expect(log.filter((line) => !line.startsWith('auth'))).toEqual([
          'users 1',
          'permissions 1',
          'permissions 1',
          'activities 1',
          'files 1',
        ]);
      },
    );
  });

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
        await env.sleep('1h');
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
        await env.sleep('20m');
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

  it('turns trouble of our own into a wait that people can see, and goes on', async () => {
    let failing = true;
    await running(
      {
        sweepChunk: async () => {
          if (failing) throw new Error('the store is away');
          return swept();
        },
      },
      async (_handle, said) => {
        await eventually(() => said.states.some(({ waits }) => waits.sweep?.reason === 'trouble'), 30_000);
        expect(said.states.find(({ waits }) => waits.sweep)!.waits.sweep!.why).toContain('the store is away');
        failing = false;
        await eventually(() => said.states.at(-1)?.phase === 'watching', 30_000);
      },
    );
  });

  it('reads several parts at once, as many as are open and allowed', async () => {
    let now = 0;
    let most = 0;
    let left = 6;
    await running(
      {
        sweepChunk: async ({ stage }) => {
          if (stage !== 'users') return swept();
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 50));
          now -= 1;
          left -= 1;
          const open = Math.max(left, 0);
          return swept({ ended: open === 0, parts: { total: 6, done: 6 - open, failed: 0, blind: 0, open } });
        },
      },
      async (_handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        expect(most).toBeGreaterThan(1);
        expect(most).toBeLessThanOrEqual(4);
      },
    );
  });
});

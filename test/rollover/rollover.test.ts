import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, type WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTemporal } from '../../api/temporal.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startTemporal } from '../../local/servers/start-temporal.ts';
import * as messages from '../../workflows/messages.ts';
import type { ConnectionState, StageName } from '../../workflows/messages.ts';
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
import { runsOf } from '../support/runs-of.ts';
import { useProcessOwner } from '../support/use-process-owner.ts';

/** A run is told to roll over at this many events; what is under way then is let to end. */
const suggested = 200;
const chunksAStage = 40;

const owner = useProcessOwner();
let address: string;
let connection: Connection;
let native: NativeConnection;
let client: Client;
let workflowBundle: WorkflowBundle;

beforeAll(async () => {
  quietRuntime();
  const dynamicConfig = { 'limit.historyCount.suggestContinueAsNew': suggested };
  const [server, code] = await Promise.all([
    startTemporal(owner, { logFolder: newLogFolder(), ui: false, dynamicConfig }),
    bundle(),
  ]);
  workflowBundle = code;
  ({ address } = server);
  [connection, native] = await Promise.all([Connection.connect({ address }), NativeConnection.connect({ address })]);
  client = new Client({ connection });
});
afterAll(async () => {
  await native?.close();
  await connection?.close();
});

/** What MongoDB would hold: actions with the step they wait for, and how far the scan is. */
function createStore() {
  const actions = new Map<
    string,
    { step: 'prepareAction' | 'applyAction' | 'done'; prepared: number; applied: number }
  >();
  const chunks: { scan: number; stage: StageName }[] = [];
  const states: ConnectionState[] = [];
  const said = { wishes: wishes() };
  let looks = 0;
  const stepOf = (id: string) => actions.get(id)!;
  return {
    actions,
    chunks,
    states,
    said,
    get looks() {
      return looks;
    },
    request(id: string): void {
      actions.set(id, { step: 'prepareAction', prepared: 0, applied: 0 });
    },
    get open(): number {
      return [...actions.values()].filter(({ step }) => step !== 'done').length;
    },
    activities: easyActivities({
      readWishes: async () => said.wishes,
      authenticate: async () => ({
        outcome: 'verified',
        credentialVersion: 1,
        timing: { scanEveryMs: 3_600_000, parallel: 1, watchMinMs: 1000, watchMaxMs: 2000, troubleMs: 1000 },
      }),
      writeState: async ({ state }) => void states.push(structuredClone(state)),
      sweepChunk: async ({ scan, stage }) => {
        chunks.push({ scan, stage });
        await delay(5);
        const done = chunks.filter((one) => one.scan === scan && one.stage === stage).length;
        const ended = done >= chunksAStage;
        const parts = { total: 1, done: ended ? 1 : 0, failed: 0, blind: 0, open: ended ? 0 : 1 };
        return swept({ ended, parts, wishes: said.wishes });
      },
      watchChunk: async () => {
        looks += 1;
        const open = [...actions.values()].some(({ step }) => step !== 'done');
        return watched({ actionsWaiting: open, wishes: said.wishes });
      },
      nextActions: async ({ running, limit }) =>
        [...actions]
          .filter(([id, { step }]) => step !== 'done' && !running.includes(id))
          .slice(0, limit)
          .map(([actionId, { step }]) => ({ actionId, title: actionId, step: step as 'applyAction' })),
      prepareAction: async ({ actionId }) => {
        const action = stepOf(actionId);
        action.prepared += 1;
        action.step = 'applyAction';
        return { next: 'applyAction', touched: false };
      },
      applyAction: async ({ actionId }) => {
        const action = stepOf(actionId);
        await delay(2);
        action.applied += 1;
        action.step = 'done';
        return { touched: true };
      },
    }),
  };
}

const eventually = async (so: () => boolean, withinMs = 60_000): Promise<void> => {
  for (const until = Date.now() + withinMs; !so(); await delay(20)) {
    if (Date.now() > until) throw new Error('it did not come to that');
  }
};

describe('a connection that rolls over under a storm of signals', () => {
  it('takes every action once, reads every chunk once and in order, and keeps each run short', async () => {
    const store = createStore();
    await withWorkers({ connection: native, workflowBundle, activities: store.activities }, async () => {
      const handle = await start(client, { connectionId: 'con_storm' });
      const total = 260;
      for (let n = 0; n < total; n += 4) {
        await Promise.all(
          [0, 1, 2, 3].map(async (k) => {
            store.request(`act_${n + k}`);
            await handle.signal(messages.requestAction, `act_${n + k}`);
            if (k === 0) await handle.signal(messages.changed);
          }),
        );
      }
      await eventually(() => store.open === 0);
      await eventually(() => store.states.at(-1)?.phase === 'watching');
      await handle.terminate();
    });

    expect([...store.actions.values()].filter(({ prepared, applied }) => prepared !== 1 || applied !== 1)).toEqual([]);
    const order = messages.stageNames.flatMap((stage) =>
      Array.from({ length: chunksAStage }, () => ({ scan: 1, stage })),
    );
    expect(store.chunks).toEqual(order);

    const runs = await runsOf(client, 'connection/con_storm');
    const lengths = runs.map(({ length }) => length);
    console.log(`rollover: ${runs.length} runs, the longest has ${Math.max(...lengths)} events`);
    expect(runs.length).toBeGreaterThan(3);
    // Told at 200; what was under way then adds its end, and signals go on coming meanwhile.
    expect(Math.max(...lengths)).toBeLessThan(3 * suggested);
    expect(store.states.at(-1)!.runs).toBe(runs.length);
  });

  it('lets a step that is writing come to its end, however long it takes', async () => {
    const store = createStore();
    let end: () => void = () => undefined;
    const written = new Promise<void>((resolve) => (end = resolve));
    const runs = async () => (await runsOf(client, 'connection/con_writing')).length;
    let attempts = 0;
    let runsAtEnd = 0;
    const { applyAction } = store.activities;
    store.activities.applyAction = async (input) => {
      attempts += 1;
      const beats = setInterval(() => Context.current().heartbeat(), 1000);
      await written.finally(() => clearInterval(beats));
      runsAtEnd = await runs();
      return applyAction(input);
    };
    await withWorkers({ connection: native, workflowBundle, activities: store.activities }, async () => {
      store.request('act_writing');
      const handle = await start(client, { connectionId: 'con_writing' });
      const summaries = async () => {
        const { events } = await handle.fetchHistory();
        return (events ?? []).flatMap(({ userMetadata }) => String(userMetadata?.summary?.data ?? ''));
      };
      await eventually(() => attempts > 0);
      for (let n = 0; n < 2 * suggested; n += 1) await handle.signal(messages.changed);
      while ((await runs()) === 1 && !(await summaries()).some((each) => each.includes('letting a step end')))
        await delay(200);
      end();
      await eventually(() => store.open === 0);
      for (; (await runs()) === 1; await delay(50));
      await handle.terminate();
    });
    expect([attempts, runsAtEnd]).toEqual([1, 1]);
  });

  it('answers or refuses every update that comes while it rolls over', async () => {
    const store = createStore();
    await withWorkers({ connection: native, workflowBundle, activities: store.activities }, async () => {
      const handle = await start(client, { connectionId: 'con_updates' });
      let storming = true;
      const temporal = connectTemporal({ address, namespace: 'default', updateDeadlineMs: 20_000 });
      const storm = (async () => {
        for (let n = 0; storming; n += 1) {
          store.request(`act_${n}`);
          await handle.signal(messages.requestAction, `act_${n}`);
          // Enough to roll over again and again; without a breath a busy machine serves nothing but signals.
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      const answers = { done: 0, refused: 0 };
      const runs = async () => (await runsOf(client, 'connection/con_updates')).length;
      // How many fit into a run depends on the machine.
      for (let n = 0; n < 30 || (n < 300 && (await runs()) <= 3); n += 1) {
        const asked = temporal.update('con_updates', n % 2 === 0 ? 'resume' : 'rescan', { updateId: `up_${n}` });
        await asked.then(
          (answer) => {
            expect(answer).toBe('done');
            answers.done += 1;
          },
          (error: unknown) => {
            expect(error).toMatchObject({ kind: 'refused', message: 'scan 1 is still running' });
            answers.refused += 1;
          },
        );
      }
      storming = false;
      await storm;
      await temporal.close();
      expect(answers.done).toBeGreaterThanOrEqual(answers.refused);
      await eventually(() => store.open === 0);
      expect([...store.actions.values()].filter(({ applied }) => applied !== 1)).toEqual([]);

      store.said.wishes = wishes({ wanted: 'paused' });
      await handle.executeUpdate(messages.pause);
      await eventually(() => store.states.at(-1)?.phase === 'paused');
      await expect(handle.executeUpdate(messages.rescan)).rejects.toMatchObject({ cause: { type: 'already-paused' } });
      await handle.terminate();
    });
    expect((await runsOf(client, 'connection/con_updates')).length).toBeGreaterThan(3);
  });
});

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReconciliationFinding } from '../../store/reconciliation.ts';
import { systemClock } from '../../api/clock.ts';
import { createReconciler } from '../../api/reconciliation/reconciler.ts';
import { createStarter } from '../../api/starter.ts';
import { connectTemporal } from '../../api/temporal.ts';
import { connectors } from '../../connectors/index.ts';
import { startWorker } from '../../local/stack.ts';
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import { taskQueues, workflowIdOf, type ConnectionState } from '../../workflows/messages.ts';
import { useInstallation } from '../support/installation.ts';

// The watch lane finds most of this by itself, at 15 s at the soonest; the reconciliation comes every second.
const to = useInstallation({
  tenant: { users: 40, groups: 4, events: 60 },
  env: { CASTELLAN_RECONCILE_SECONDS: '1', CASTELLAN_TIME_SCALE: '1' },
});
let connection: Connection;
let client: Client;
/** What the API has done when it died before it told the workflow. */
let store: Store;
let id: string;

beforeAll(async () => {
  connection = await Connection.connect({ address: to.temporal.address });
  client = new Client({ connection });
  const key = Buffer.from(to.env['CASTELLAN_KEY']!, 'base64');
  store = await openStore({ uri: to.env['MONGODB_URI']!, database: to.env['CASTELLAN_DATABASE']!, key });
});
afterAll(async () => {
  await store.close();
  await connection.close();
});

interface Answer {
  state: string;
  last?: { findings: ReconciliationFinding[] };
  recent: ReconciliationFinding[];
}
const workflow = (connectionId = id): WorkflowHandle => client.workflow.getHandle(workflowIdOf(connectionId));
async function eventually<R>(ask: () => Promise<R | undefined | false>): Promise<R> {
  for (let tries = 0; tries < 1200; tries += 1, await delay(50)) {
    const answer = await ask();
    if (answer) return answer;
  }
  return expect.fail(`it did not come to that: ${JSON.stringify(await to.api.get('/v1/reconciliation'))}`);
}
/** When the watch lane's last round ended: a new lane's first one looks at the wishes too. */
const lastRound = async () => (await workflow().query<ConnectionState>('state')).watch.lastAt;
const roundAfter = (last: string | undefined) => eventually(async () => (await lastRound()) !== last);
const mended = (name: string, connectionId = id) =>
  eventually(async () =>
    (await to.api.get<Answer>('/v1/reconciliation')).recent.find(
      (each) => each.case === name && each.connectionId === connectionId,
    ),
  );

describe('a connection without a workflow', () => {
  it('that was never started, since the API died after it was stored, starts', async () => {
    const { settings, credential } = to.tenant.body;
    const made = await store.connections.create({
      app: 'okta',
      name: 'acme',
      label: 'acme',
      settings: settings as Record<string, unknown>,
      credential,
      identity: {},
      wanted: 'running',
      governance: 'on',
      protected: [],
      scanEveryMs: 43_200_000,
      parallel: 4,
      createdBy: 'test',
    });
    id = made._id;
    await to.scanned(id);
    expect(await mended('workflowMissing')).toMatchObject({ did: expect.stringContaining('never ran') as string });
  });

  it('that was terminated by hand goes on with the state it had', async () => {
    const before = await to.until(id, ({ phase }) => phase === 'watching');
    const [{ runId }, round] = await Promise.all([workflow().describe(), lastRound()]);
    await workflow().terminate('by hand');
    await eventually(async () => {
      const { status, ...now } = await workflow().describe();
      return status.name === 'RUNNING' && now.runId !== runId;
    });
    await roundAfter(round);
    expect((await to.show(id)).scan).toEqual(before.scan);
    await eventually(async () =>
      (await to.api.get<Answer>('/v1/reconciliation')).recent.some(({ did }) => did?.includes('terminated')),
    );
  });
});

describe('a wish that no workflow heard of', () => {
  it('to pause and to resume is obeyed', async () => {
    await store.connections.setWanted(id, 'paused');
    await to.until(id, ({ phase }) => phase === 'paused');
    await mended('wishNotObeyed');
    const round = await lastRound();
    await store.connections.setWanted(id, 'running');
    await to.until(id, ({ phase }) => phase === 'watching');
    await roundAfter(round);
  });

  it('for a scan is obeyed once', async () => {
    const { scan } = await to.show(id);
    await store.connections.wantRescan(id);
    await to.scanned(id, scan!.number + 1);
    await mended('rescanNotBegun');
    expect((await to.show(id)).scan!.number).toBe(scan!.number + 1);
  });

  it('for another credential is obeyed while it waits for one', async () => {
    const { control } = to.tenant;
    // An event hook would wake it too.
    await control.knobs({ hooks: { lossProbability: 1 } });
    const { apiTokens, users } = await control.truth({ only: ['apiTokens', 'users'] });
    const admin = users!.find((each) => each['id'] === apiTokens![0]!['userId'])!;
    const token = `00${randomBytes(20).toString('hex')}`;
    await control.revokeApiToken({});
    await to.api.post(`/v1/connections/${id}/rescan`);
    await to.until(id, ({ phase }) => phase === 'needsCredentials');
    const round = await lastRound();
    await control.createApiToken({ user: String(admin['id']), value: token });
    await store.connections.recredential(id, { type: 'ssws', token }, {});
    await to.until(id, ({ phase }) => phase !== 'needsCredentials');
    await mended('credentialNotTried');
    await to.scanned(id, (await to.show(id)).scan!.number);
    await roundAfter(round);
  });
});

describe('an action that no workflow heard of', () => {
  let accountId: string;
  const request = (mode: 'plan' | 'apply', expiresInMs = 600_000) =>
    store.actions.request({
      connectionId: id,
      app: 'okta',
      action: 'suspendUser',
      target: { accountId },
      mode,
      requestedBy: 'test',
      reason: 'test',
      expiresInMs,
    });
  const became = (actionId: string, state: string) =>
    eventually(async () => (await store.actions.get(actionId))?.state === state);

  it('is taken up; so are its undo and an accepted plan', async () => {
    ({ id: accountId } = await to.tenant.control.createUser({ profile: { login: 'someone@acme.test' } }));
    const { action } = await request('apply');
    await became(action._id, 'done');
    await mended('actionNotTakenUp');
    await store.actions.requestUndo(action._id, { by: 'test', reason: 'test', accept: false });
    await became(action._id, 'undone');

    const { action: plan } = await request('plan');
    await became(plan._id, 'planned');
    await store.actions.acceptPlan(plan._id, 'test');
    await became(plan._id, 'done');
  });

  it('is called overdue though the connection is paused', async () => {
    await to.api.post(`/v1/connections/${id}/pause`);
    await to.until(id, ({ phase }) => phase === 'paused');
    const { action } = await request('apply', 1);
    await became(action._id, 'expired');
    await mended('actionOverdue');
    await to.api.post(`/v1/connections/${id}/resume`);
    await to.until(id, ({ phase }) => phase === 'watching');
  });
});

describe('a workflow without a connection', () => {
  const begin = (workflowId: string, connectionId: string) =>
    client.workflow.start('connection', {
      workflowId,
      taskQueue: taskQueues.sweep,
      args: [{ connectionId, app: 'okta', title: 'left over' }],
    });

  it('is ended, with the reason in Temporal; the one of a living connection is not', async () => {
    const handle = await begin(workflowIdOf('con_deleted'), 'con_deleted');
    await mended('workflowOrphaned', 'con_deleted');
    expect((await handle.describe()).status.name).toBe('TERMINATED');
    const { events } = await handle.fetchHistory();
    const { reason } = events!.at(-1)!.workflowExecutionTerminatedEventAttributes!;
    expect(reason).toBe('Castellan: the connection of connection/con_deleted does not exist');
    expect((await workflow().describe()).status.name).toBe('RUNNING');
  });

  it('with an id that is none of ours is told and left alone', async () => {
    const handle = await begin('billing', 'con_billing');
    await eventually(async () => {
      const { state, last } = await to.api.get<Answer>('/v1/reconciliation');
      return (
        state === 'unmended' && last?.findings.some(({ workflowId, times }) => workflowId === 'billing' && times > 2)
      );
    });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.terminate();
    await eventually(async () => (await to.api.get<Answer>('/v1/reconciliation')).state === 'ok');
  });
});

describe('a workflow whose task fails again and again', () => {
  it('since its code does not match its history, is ended; another goes on from what is stored', async () => {
    const workflowsPath = fileURLToPath(new URL('../replay/edited-workflow.ts', import.meta.url));
    const bundle = bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
    const { scan } = await to.until(id, ({ phase }) => phase === 'watching');
    const { runId } = await workflow().describe();
    const edited = join(to.logFolder, 'edited.js');
    await writeFile(edited, (await bundle).code);
    await to.worker.stop();
    await startWorker(to.owner, { ...to.env, CASTELLAN_WORKFLOW_BUNDLE: edited }, join(to.logFolder, 'edited.log'));
    await store.connections.wantRescan(id);
    // Sooner than after minutes.
    const temporal = connectTemporal({ address: to.temporal.address, namespace: 'default' });
    const options = { store, temporal, clock: systemClock, logger: pino({ level: 'silent' }), everyMs: 1_000 };
    const starter = createStarter({ ...options, connectors });
    const hasty = createReconciler({ ...options, starter, stuckAfter: { tries: 2, ms: 1_000 } });
    const { what, did } = await eventually(async () => {
      await hasty.once();
      const { recent } = await to.api.get<Answer>('/v1/reconciliation');
      return recent.find((each) => each.case === 'workflowStuck' && each.connectionId === id);
    });
    await temporal.close();
    expect(what).toMatch(/^its workflow task fails since .*Nondeterminism/i);
    expect(did).toMatch(/started again: its last run is terminated/);
    const { events } = await client.workflow.getHandle(workflowIdOf(id), runId).fetchHistory();
    const { reason } = events!.at(-1)!.workflowExecutionTerminatedEventAttributes!;
    expect(reason).toMatch(/^Castellan: its workflow task fails since /);
    await to.scanned(id, scan!.number + 1);
    await to.until(id, ({ phase }) => phase === 'watching');
  });
});

it('an erase that was wished and not heard of is done', async () => {
  await store.connections.setWanted(id, 'erased');
  await to.until(id, ({ receipt }) => receipt !== undefined);
});

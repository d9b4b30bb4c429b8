import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { connectTemporal, TemporalFailure, type Temporal, type TemporalFailureKind } from '../../api/temporal.ts';
import { taskQueues, workflowIdOf } from '../../workflows/messages.ts';
import type {} from '../support/provided.ts';

const address = inject('temporalAddress');
let connection: Connection;
let client: Client;
let temporal: Temporal;
const title = 'Acme · acme.example';
let count = 0;
const newInput = () => ({ connectionId: `con_client${(count += 1)}`, app: 'acme', title });

beforeAll(async () => {
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  temporal = connectTemporal({ address, namespace: 'default', updateDeadlineMs: 1_500, checkDeadlineMs: 1_500 });
});
afterAll(async () => {
  await temporal.close();
  await connection.close();
});

const kindOf = (call: Promise<unknown>): Promise<TemporalFailureKind | 'none'> =>
  call.then(
    () => 'none' as const,
    (error: unknown) => {
      if (error instanceof TemporalFailure) return error.kind;
      throw error;
    },
  );

describe('the API’s way to Temporal, without a worker', () => {
  it('starts a connection once, findable in the UI', async () => {
    const input = newInput();
    await temporal.start(input);
    const handle = client.workflow.getHandle(workflowIdOf(input.connectionId));
    const first = await handle.describe();
    await temporal.start(input);
    const second = await handle.describe();
    expect(second.runId).toBe(first.runId);
    expect(first.type).toBe('connection');
    expect(await first.staticSummary()).toBe(title);
    await handle.terminate();
  });

  it('an update or a check that nobody takes ends in time: worker', async () => {
    const input = newInput();
    await temporal.start(input);
    expect(await kindOf(temporal.update(input.connectionId, 'pause', { updateId: 'k' }))).toBe('worker');
    expect(await kindOf(temporal.check({ connectionId: input.connectionId }, title))).toBe('worker');
    await temporal.signal(input.connectionId, 'changed', []);
    await client.workflow.getHandle(workflowIdOf(input.connectionId)).terminate();
  });

  it('what does not run: notRunning', async () => {
    expect(await kindOf(temporal.update('con_none', 'pause', {}))).toBe('notRunning');
    expect(await kindOf(temporal.signal('con_none', 'changed', []))).toBe('notRunning');
  });

  it('an absent server or namespace: server', async () => {
    for (const [to, namespace] of [
      ['127.0.0.1:9', 'default'],
      [address, 'nowhere'],
    ] as const) {
      const away = connectTemporal({ address: to, namespace, updateDeadlineMs: 1_000, pingDeadlineMs: 1_000 });
      expect(await kindOf(away.ping())).toBe('server');
      expect(await kindOf(away.start(newInput()))).toBe('server');
      expect(await kindOf(away.update('con_x', 'pause', {}))).toBe('server');
      expect(await kindOf(away.signal('con_x', 'changed', []))).toBe('server');
      await away.close();
    }
    await temporal.ping();
  });
});

describe('the API’s way to Temporal, with a worker', () => {
  it('updates are obeyed or refused with the reason; signals and checks arrive', async () => {
    const native = await NativeConnection.connect({ address });
    const worker = await Worker.create({
      connection: native,
      namespace: 'default',
      taskQueue: taskQueues.sweep,
      workflowsPath: fileURLToPath(new URL('./obedient-workflows.ts', import.meta.url)),
    });
    const patient = connectTemporal({ address, namespace: 'default' });
    await worker.runUntil(async () => {
      const input = newInput();
      await patient.start(input);
      expect(await patient.update(input.connectionId, 'resume', { updateId: 'once' })).toBe('done');
      const refused = patient.update(input.connectionId, 'pause', {});
      await expect(refused).rejects.toMatchObject({ kind: 'refused', message: 'it is erasing: it cannot pause' });
      await patient.signal(input.connectionId, 'requestAction', ['act_1']);
      expect(await client.workflow.getHandle(workflowIdOf(input.connectionId)).result()).toBe('act_1');
      const checked = await patient.check({ connectionId: 'con_check' }, title);
      expect(checked).toEqual({ outcome: 'parked', problem: { what: 'no con_check' } });
    });
    await patient.close();
    await native.close();
  });

  it('a task that the worker fails again and again is told apart from a worker that is away', async () => {
    const away = newInput();
    await temporal.start(away);
    const { connectionId } = newInput();
    const workflowId = workflowIdOf(connectionId);
    const handle = await client.workflow.start('unheardOf', {
      workflowId,
      taskQueue: 'failing',
      // Of several failures in a row a worker reports the first, and lets the others time out.
      workflowTaskTimeout: '1s',
    });
    const native = await NativeConnection.connect({ address });
    const worker = await Worker.create({
      connection: native,
      namespace: 'default',
      taskQueue: 'failing',
      workflowsPath: fileURLToPath(new URL('./obedient-workflows.ts', import.meta.url)),
    });
    await worker.runUntil(async () => {
      const task = await vi.waitFor(
        async () => {
          const failing = await temporal.failingTask(connectionId);
          expect(failing?.tries).toBeGreaterThanOrEqual(4);
          return failing;
        },
        { timeout: 60_000, interval: 100 },
      );
      const { runId } = await handle.describe();
      expect(task).toMatchObject({ workflow: { workflowId, runId }, worked: false });
      expect(task!.why).toMatch(/unheardOf/);
      expect(await kindOf(temporal.update(connectionId, 'pause', {}))).toBe('worker');
    });
    expect(await temporal.failingTask(away.connectionId)).toBeNull();
    expect(await temporal.failingTask('con_none')).toBeNull();
    await Promise.all(
      [handle, client.workflow.getHandle(workflowIdOf(away.connectionId))].map((each) => each.terminate()),
    );
    await native.close();
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { RunningProcess } from '../../local/processes.ts';
import { recordKinds } from '../../connectors/records.ts';
import { cpuMs } from '../bench/process-figures.ts';
import { contentOf, expectTruthSoon, rowsOf } from '../support/stored-truth.ts';
import { useInstallation } from '../support/installation.ts';

const to = useInstallation({ tenant: { users: 500, groups: 15, events: 500 } });

/** Connects and reads until the first worker is in the middle of a page of the grants; then it is frozen. */
async function frozenInMidScan(first: RunningProcess): Promise<{ id: string; second: RunningProcess }> {
  const { control } = to.tenant;
  await control.knobs({ latencyMs: 150 });
  const { id } = await to.connect();
  await to.midScan(id);
  const second = await to.anotherWorker();
  first.kill('SIGSTOP');
  await control.knobs({ latencyMs: 0 });
  expect((await to.show(id)).scan?.finishedAt).toBeUndefined();
  return { id, second };
}

/** It goes on where it was frozen and has worked for a while: whatever it would write it has written. */
async function thawed(worker: RunningProcess): Promise<void> {
  const used = cpuMs(worker.pid);
  worker.kill('SIGCONT');
  const until = Date.now() + 60_000;
  while (cpuMs(worker.pid) < used + 300 && Date.now() < until) await delay(50);
  expect(cpuMs(worker.pid)).toBeGreaterThanOrEqual(used + 300);
  await delay(3000);
}

const observed = async (id: string) =>
  Promise.all(
    recordKinds.map(async (kind) =>
      (await rowsOf(to.db, id, kind)).map(({ vendorId, observedAt }) => `${vendorId} ${String(observedAt)}`),
    ),
  );

// What the frozen one had asked Temporal for is handed to it and waits there for a time-out, once a poll.
vi.setConfig({ testTimeout: 240_000 });

describe('a worker frozen by SIGSTOP in the middle of a scan', () => {
  let survivor: RunningProcess;

  it('writes nothing over its successor when it wakes', async () => {
    const { control } = to.tenant;
    const { id, second } = await frozenInMidScan(to.worker);
    survivor = second;
    // What the frozen one has in its hands is not true any more.
    const { grants } = await control.truth({ only: ['grants'] });
    for (const grant of grants!.filter((_, at) => at % 2 === 0)) await control.revokeGrant({ id: String(grant['id']) });
    await to.scanned(id);
    await expectTruthSoon(to.db, id, to.tenant);

    const before = { content: await contentOf(to.db, id, to.tenant), observed: await observed(id) };
    await thawed(to.worker);
    expect(await contentOf(to.db, id, to.tenant)).toEqual(before.content);
    expect(await observed(id)).toEqual(before.observed);
    await to.api.post(`/v1/connections/${id}/erase`);
    await to.until(id, ({ phase }) => phase === 'erased');
  });

  it('leaves no record behind when the connection was erased meanwhile', async () => {
    await to.killWorker(survivor);
    const { id } = await frozenInMidScan(to.worker);
    expect((await rowsOf(to.db, id, 'accounts')).length).toBeGreaterThan(0);
    await to.api.post(`/v1/connections/${id}/erase`).catch((error: { status?: number }) => {
      // The workflow was in the hands of the frozen worker: the wish stands.
      if (error.status !== 503) throw error;
    });
    await to.until(id, ({ phase }) => phase === 'erased', 100_000);
    await thawed(to.worker);
    const collections = (await to.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
    const left = await Promise.all(
      collections.map(async (name) => [name, await to.db.collection(name).countDocuments({ connectionId: id })]),
    );
    expect(left.filter(([, count]) => Number(count) > 0)).toEqual([]);
    expect((await to.show(id)).phase).toBe('erased');
    expect((await to.show(id)).receipt).toBeDefined();
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, it, vi } from 'vitest';
import { seeded } from '../../simulators/kit/seeded.ts';
import { changed, workflowIdOf } from '../../workflows/messages.ts';
import { figuresOf } from '../support/history-figures.ts';
import { runsOf } from '../support/runs-of.ts';
import { contentOf, expectTruth } from '../support/stored-truth.ts';
import type { RunningProcess } from '../../local/processes.ts';
import { act } from '../../local/demo/scenario.ts';
import { useInstallation, type Shown } from '../support/installation.ts';

const to = useInstallation({ tenant: { users: 900, groups: 20, events: 2000, knobs: { latencyMs: 15 } } });
let worker: RunningProcess | undefined;

const read = (shown: Shown): number =>
  Object.values(shown.stages).reduce((sum, { counts }) => sum + counts.added + counts.changed + counts.unchanged, 0);

vi.setConfig({ testTimeout: 240_000 });

describe('a worker killed by SIGKILL in the middle of a scan, again and again', () => {
  it('the records are those of an undisturbed scan and of the vendor', async () => {
    const undisturbed = await to.connect();
    await to.scanned(undisturbed.id);
    await expectTruth(to.db, undisturbed.id, to.tenant);
    const wanted = await contentOf(to.db, undisturbed.id, to.tenant);
    const { stages } = await to.show(undisturbed.id);
    const all = read(await to.show(undisturbed.id));
    const pages = Object.values(stages).reduce((sum, { counts }) => sum + counts.pages, 0);
    const connection = await Connection.connect({ address: to.temporal.address });
    const client = new Client({ connection });
    // Two rounds in a row, with nothing between them, tell what one costs; quiet looks cost nothing, but to end them does.
    await client.workflow.getHandle(workflowIdOf(undisturbed.id)).signal(changed);
    const history = async () => figuresOf(await runsOf(client, workflowIdOf(undisturbed.id)), pages);
    const rounds = async () => (await history()).polls;
    for (let n = 0; n < 300 && (await rounds()) < 2; n += 1) await delay(200);
    const figures = await history();
    await connection.close();
    console.log(`history: ${pages} pages, ${JSON.stringify(figures)}`);
    // Not the promise of half an event a page, which bench `growth` measures: how many pages fit into a chunk of a tenth of
    // its time depends on the machine. Six is what an activity for each page would cost.
    expect(figures.aPage).toBeLessThan(3);
    expect(figures.aPoll).toBeGreaterThan(0);
    expect(figures.aPoll).toBeLessThanOrEqual(12);
    expect(figures.longest).toBeLessThan(4096);
    await to.api.post(`/v1/connections/${undisturbed.id}/erase`);
    await to.until(undisturbed.id, ({ phase }) => phase === 'erased');

    const random = seeded(7);
    const { id } = await to.connect();
    worker = to.worker;
    for (const share of [0.1, 0.3, 0.5]) {
      const point = all * (share + random() * 0.2);
      const shown = await to.until(id, (now) => read(now) >= point);
      await delay(random() * 200);
      await to.killWorker(worker);
      expect(shown.scan?.finishedAt).toBeUndefined();
      worker = await to.anotherWorker();
    }
    await to.scanned(id);
    expect(await contentOf(to.db, id, to.tenant)).toEqual(wanted);
    await expectTruth(to.db, id, to.tenant);
  });

  it('an action whose worker dies after the vendor did it, and before anybody heard so, is done once', async () => {
    worker ??= to.worker;
    const { control } = to.tenant;
    const { items } = await to.api.get<{ items: { id: string }[] }>('/v1/connections?limit=10&phase=watching');
    const { id } = items[0]!;
    const login = 'to-be-suspended@acme.test';
    const accountId = (await control.createUser({ profile: { login } })).id;
    // Slow enough that the answer, and the reading back, are still to come when the worker dies.
    await control.knobs({ latencyMs: 1500 });
    const acting = act(to.api, id, 'suspendUser', { accountId }, 'a worker that dies');
    const executed = async () => (await control.counters()).executed['suspend']?.[accountId] ?? 0;
    const until = Date.now() + 60_000;
    while ((await executed()) === 0 && Date.now() < until) await delay(20);
    expect(await executed()).toBe(1);
    await to.killWorker(worker);
    await control.knobs({ latencyMs: 0 });
    worker = await to.anotherWorker();
    const action = await acting;
    expect(action).toMatchObject({ state: 'done', verified: true });
    expect(action.before?.['status']).toBe('ACTIVE');
    expect(action.after?.['status']).toBe('SUSPENDED');
    expect(await executed()).toBe(1);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../api/clock.ts';
import { createReconciler, type Reconciler, type ReconcilerOptions } from '../../api/reconciliation/reconciler.ts';
import { workflowIdOf, type ConnectionState } from '../../workflows/messages.ts';
import { useApi } from './start-api.ts';

const api = useApi();
let logged: object[];
let reconciler: Reconciler;
const silent = () => {};
const logger = { debug: silent, info: silent, warn: (details: object) => logged.push(details), error: silent } as never;
const state = (phase: ConnectionState['phase']): ConnectionState => ({
  version: 1,
  phase,
  scan: { number: 1 },
  rescansServed: 0,
  stages: {},
  waits: {},
  watch: { round: 0, changes: 0 },
  actions: { taken: 0, running: 0 },
  runs: 3,
});
/** Nothing is too young, and a turn may follow at once. */
const everyMs = 0;
const newReconciler = (more: Partial<ReconcilerOptions> = {}) =>
  createReconciler({
    store: api.store,
    temporal: api.temporal,
    starter: api.starter,
    clock: systemClock,
    logger,
    everyMs,
    ...more,
  });
const report = async (as?: { secret: string }) => (await api.call('GET', '/v1/reconciliation', as ? { as } : {})).body;
const told = (id: string) => api.temporal.heard.filter(({ connectionId }) => connectionId === id);

/** Its workflow runs. */
async function watching(phase: ConnectionState['phase'] = 'watching'): Promise<string> {
  const { id } = await api.connect();
  await api.store.connections.writeState(id, state(phase));
  api.temporal.heard = [];
  return id;
}

beforeEach(() => {
  logged = [];
  api.temporal.heard = [];
  api.temporal.failing = {};
  api.temporal.asked = [];
  reconciler = newReconciler();
});
afterEach(async () => {
  await reconciler.stop();
  const { items } = await api.store.connections.list({ limit: 100 });
  for (const { _id } of items) await api.store.connections.erase(_id, silent);
  api.temporal.workflows.clear();
  api.temporal.failingTasks.clear();
});

describe('reconciliation', () => {
  it('starts a workflow that does not run, with the state it had, and says so', async () => {
    const id = await watching();
    api.temporal.workflows.clear();
    api.temporal.heard = [];
    expect(await reconciler.once()).toMatchObject({ found: 1, mended: 1, unmended: 0, looked: { workflows: 0 } });
    expect(told(id)).toMatchObject([{ call: 'start' }]);
    const { state: shown, last, recent } = await report();
    expect([shown, last.found]).toEqual(['ok', 1]);
    expect(recent[0]).toMatchObject({
      case: 'workflowMissing',
      connectionId: id,
      did: 'started again: its last run is terminated',
    });
    expect(logged).toContainEqual(expect.objectContaining({ connectionId: id, case: 'workflowMissing' }));
    expect(await reconciler.once()).toMatchObject({ found: 0 });
  });

  it('does not start what only the list of workflows did not show', async () => {
    await watching();
    const { running } = api.temporal;
    api.temporal.running = () => Promise.resolve([]);
    expect(await reconciler.once()).toMatchObject({ found: 0 });
    api.temporal.running = running;
  });

  it('ends the workflow of a connection that was erased', async () => {
    await watching();
    const id = await watching();
    await api.store.connections.setWanted(id, 'erased');
    await api.store.connections.erase(id, silent);
    expect(await reconciler.once()).toMatchObject({ found: 1, mended: 1 });
    expect(api.temporal.of('terminate', workflowIdOf(id))).toMatchObject([
      { args: [`Castellan: the connection of ${workflowIdOf(id)} was erased`] },
    ]);
    expect(await reconciler.once()).toMatchObject({ found: 0 });
  });

  it('reports a workflow that is not ours and leaves it alone', async () => {
    await watching();
    api.temporal.workflows.set('billing', { workflowId: 'billing', runId: 'r', startedAt: new Date(0) });
    expect(await reconciler.once()).toMatchObject({ found: 1, mended: 0, unmended: 1 });
    await reconciler.once();
    expect(api.temporal.of('terminate')).toEqual([]);
    const { state: shown, last } = await report();
    expect(shown).toBe('unmended');
    expect(last.findings).toMatchObject([{ workflowId: 'billing', times: 2, remedy: /by hand/ }].map(matching));
  });

  it('tells a wish again; one that is still not obeyed is for people', async () => {
    const id = await watching();
    await api.store.connections.setWanted(id, 'paused');
    expect(await reconciler.once()).toMatchObject({ mended: 1 });
    expect(told(id)).toMatchObject([{ call: 'update', name: 'pause' }]);
    expect(await reconciler.once()).toMatchObject({ mended: 0, unmended: 1 });
    expect((await report()).last.findings).toMatchObject([{ times: 2, remedy: /did not help/ }].map(matching));
    await api.store.connections.writeState(id, state('paused'));
    expect(await reconciler.once()).toMatchObject({ found: 0 });
  });

  it('without a worker signals seldom, for a history is bounded', async () => {
    const id = await watching();
    await api.store.connections.setWanted(id, 'paused');
    api.temporal.failing.update = { kind: 'worker', why: 'no worker answered in time' };
    for (let run = 0; run < 9; run += 1) expect(await reconciler.once()).toMatchObject({ unmended: 1 });
    expect(told(id).filter(({ call }) => call === 'signal')).toHaveLength(4);
    expect((await report()).last.findings[0]).toMatchObject(matching({ times: 9, remedy: /worker/ }));
  });

  it('tells of actions that nobody took up, and of a scan', async () => {
    const id = await watching();
    const { action } = await api.store.actions.request({
      connectionId: id,
      app: 'acme',
      action: 'suspendUser',
      target: { accountId: 'u1' },
      mode: 'apply',
      requestedBy: 'key_a',
      reason: 'left',
      expiresInMs: 60_000,
    });
    await api.store.connections.wantRescan(id);
    expect(await reconciler.once()).toMatchObject({ mended: 2 });
    expect(told(id).toSorted((a, b) => a.call.localeCompare(b.call))).toMatchObject([
      { call: 'signal', name: 'requestAction', args: [action._id] },
      { call: 'update', name: 'rescan' },
    ]);
  });

  describe('a workflow whose task fails', () => {
    const nondeterminism = { tries: 5, since: new Date(0), why: 'Nondeterminism error', worked: true };
    /** By then nothing was seen of any connection for an hour. */
    const inAnHour = (more: { askedOf?: number } = {}) =>
      newReconciler({ ...more, store: { ...api.store, now: () => new Date(Date.now() + 3600_000) } });

    it('again and again is ended, and another goes on from what is stored', async () => {
      const id = await watching();
      api.temporal.failingTasks.set(id, nondeterminism);
      expect(await inAnHour().once()).toMatchObject({ found: 1, mended: 1 });
      expect(api.temporal.of('terminate', workflowIdOf(id))).toMatchObject([
        { args: ['Castellan: its workflow task fails since 1970-01-01T00:00:00.000Z: Nondeterminism error'] },
      ]);
      expect(told(id)).toMatchObject([{ call: 'start' }]);
      expect((await report()).recent[0]).toMatchObject({
        case: 'workflowStuck',
        connectionId: id,
        what: 'its workflow task fails since 1970-01-01T00:00:00.000Z: Nondeterminism error (5 tries)',
        did: 'ended this run; started again: its last run is terminated',
      });
    });

    it('is why it hears of no wish: it is not told once more', async () => {
      const id = await watching();
      await api.store.connections.setWanted(id, 'paused');
      api.temporal.failingTasks.set(id, nondeterminism);
      expect(await inAnHour().once()).toMatchObject({ found: 1, mended: 1 });
      expect(told(id)).toMatchObject([{ call: 'start' }]);
      expect((await report()).recent[0]).toMatchObject({ case: 'workflowStuck' });
    });

    it('for a short while, or after a few tries only, is left to itself', async () => {
      const id = await watching();
      for (const change of [{ since: new Date(Date.now() + 3700_000) }, { tries: 4 }]) {
        api.temporal.failingTasks.set(id, { ...nondeterminism, ...change });
        expect(await inAnHour().once()).toMatchObject({ found: 0 });
      }
      expect(told(id)).toEqual([]);
    });

    it('from its first task on is left for people: another run would do no better', async () => {
      const id = await watching();
      api.temporal.failingTasks.set(id, { ...nondeterminism, worked: false });
      expect(await inAnHour().once()).toMatchObject({ found: 1, unmended: 1 });
      expect(told(id)).toEqual([]);
      expect((await report()).last.findings).toMatchObject([{ case: 'workflowStuck', remedy: /worker/ }].map(matching));
    });

    it('is looked for in a few silent connections at a time, and not in those that idle', async () => {
      const suspects = [await watching(), await watching(), await watching()];
      await api.store.connections.setWanted(await watching('paused'), 'paused');
      await inAnHour({ askedOf: 2 }).once();
      expect(api.temporal.asked).toHaveLength(2);
      expect(suspects).toEqual(expect.arrayContaining(api.temporal.asked));
    });
  });

  it('breaks off while Temporal is away, and says why', async () => {
    await watching();
    api.temporal.failing.running = { kind: 'server', why: 'Temporal: no answer in time' };
    expect(await reconciler.once()).toMatchObject({ failure: 'Temporal: no answer in time' });
    expect((await report()).state).toBe('failing');
    api.temporal.failing = {};
    expect((await reconciler.once())?.failure).toBeUndefined();
  });

  it('of several processes one at a time looks', async () => {
    await watching();
    const others = [newReconciler(), newReconciler(), newReconciler()];
    let inside = 0;
    let most = 0;
    const { running } = api.temporal;
    api.temporal.running = async () => {
      most = Math.max(most, (inside += 1));
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
      return [];
    };
    for (let round = 0; round < 5; round += 1) await Promise.all(others.map((other) => other.once()));
    api.temporal.running = running;
    expect(most).toBe(1);
  });

  it('shows a key that is limited to some connections nothing of the others', async () => {
    const [mine, other] = [await watching(), await watching()];
    api.temporal.workflows.clear();
    await reconciler.once();
    const { secret } = await api.store.apiKeys.create({ name: 'one', role: 'viewer', connectionIds: [mine] });
    const connections = ({ recent }: { recent: { connectionId: string }[] }) => recent.map((each) => each.connectionId);
    expect(connections(await report())).toEqual(expect.arrayContaining([mine, other]));
    expect(connections(await report({ secret }))).toEqual([mine]);
    expect((await api.call('GET', '/v1/reconciliation', { as: null })).status).toBe(401);
  });
});

const matching = ({ remedy, ...rest }: { remedy: RegExp; [field: string]: unknown }) => ({
  ...rest,
  remedy: expect.stringMatching(remedy) as string,
});

/**
 * Records histories of today's workflow from real runs into a folder of their own:
 * `npx tsx test/replay/record.ts <what is new of it>`. Those of before stay beside them. See histories.test.ts.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connectApi } from '../../local/api-client.ts';
import { act, undo } from '../../local/demo/scenario.ts';
import { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startMongo } from '../../local/servers/start-mongo.ts';
import { startTemporal } from '../../local/servers/start-temporal.ts';
import { startServices } from '../../local/stack.ts';
import { getState, workflowIdOf, type ConnectionState } from '../../workflows/messages.ts';
import { startBoxTenant } from '../support/box-tenant.ts';
import { startOktaTenant } from '../support/okta-tenant.ts';
import { runsOf, type History } from '../support/runs-of.ts';
import { scriptedScenes } from './scripted-scenes.ts';
import { hashFile, workflowHash } from './workflow-code.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const [what] = process.argv.slice(2);
if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(what ?? ''))
  throw new Error('say in kebab-case what is new of this workflow: npx tsx test/replay/record.ts states-by-task');
const folder = fileURLToPath(new URL(`./histories/v${version.replaceAll('.', '-')}-${what}/`, import.meta.url));
if (existsSync(folder)) throw new Error(`${folder} is there: histories of workflows that ran are kept`);

const owner = new ProcessOwner();
const states: Record<string, ConnectionState> = {};
const code = workflowHash();

function store(name: string, history: History): void {
  // Who ran it and where its code lay is of this machine and of no use to a replay.
  const bare = JSON.parse(historyToJSON(history), (key, value: unknown) =>
    ['identity', 'stackTrace'].includes(key) ? undefined : value,
  ) as object;
  const text = JSON.stringify(bare);
  writeFileSync(`${folder}${name}.json`, `${text}\n`);
  console.log(`${name}: ${history.events?.length ?? 0} events`);
}

async function record(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const logFolder = newLogFolder();
  const [temporal, mongodb, tenant] = await Promise.all([
    startTemporal(owner, { logFolder, ui: false, dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 200 } }),
    startMongo(owner, { logFolder }),
    startOktaTenant(owner, { logFolder, users: 60, groups: 5, events: 100, knobs: { latencyMs: 20 } }),
  ]);
  const client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  // Before there is another worker on the queues.
  await scriptedScenes(client, temporal.address, (name, state, history) => {
    states[name] = state;
    store(name, history);
  });
  const env = { CASTELLAN_TIME_SCALE: '0.1' };
  const { apiUrl, apiKey } = await startServices(owner, { temporal, mongodb }, { logFolder, env });
  const api = connectApi(apiUrl, apiKey);

  const connect = (body: object = tenant.body) =>
    api.post<{ id: string }>('/v1/connections', body).then(({ id }) => id);
  /** The newest run as it stands, once the state is so. */
  async function when(name: string, id: string, so: (state: ConnectionState) => unknown): Promise<void> {
    const handle = client.workflow.getHandle(workflowIdOf(id));
    for (const until = Date.now() + 90_000; Date.now() < until; await delay(20)) {
      const state = await handle.query(getState);
      if (!so(state)) continue;
      states[name] = state;
      store(name, await handle.fetchHistory());
      return;
    }
    throw new Error(`${name} did not come`);
  }
  /** All its runs to its end; the last one bears the name. */
  async function ended(name: string, id: string): Promise<void> {
    const handle = client.workflow.getHandle(workflowIdOf(id));
    await handle.result();
    const runs = await runsOf(client, workflowIdOf(id));
    runs.slice(0, -1).forEach(({ history }, at) => store(`${name}-run-${at + 1}`, history));
    store(name, runs.at(-1)!.history);
    states[name] = await handle.query(getState);
  }

  await tenant.control.faults({
    add: [
      { kind: 'delay', ms: 1500, path: '^/api/v1/org', count: 1 },
      { kind: 'status', status: 429, path: '^/api/v1/users\\?limit=200&filter', count: 1 },
    ],
  });
  const id = await connect();
  await when('connecting', id, ({ phase }) => phase === 'connecting');
  await when('scanning', id, ({ phase }) => phase === 'scanning');
  await when('throttled', id, ({ waits }) => waits.sweep?.reason === 'throttled');
  await when('watching', id, ({ phase }) => phase === 'watching');

  const { id: accountId } = await tenant.control.createUser({ profile: { login: 'recorded@acme.test' } });
  const action = await act(api, id, 'suspendUser', { accountId }, 'to be recorded');
  await undo(api, action.id, 'recorded');
  await when('acted', id, ({ actions }) => actions.taken >= 2 && actions.running === 0);

  await api.post(`/v1/connections/${id}/pause`);
  await when('paused', id, ({ phase }) => phase === 'paused');
  await api.post(`/v1/connections/${id}/resume`);
  await when('resumed', id, ({ phase }) => phase === 'watching');

  await ended('duplicate', await connect());

  await tenant.control.faults({ add: [{ kind: 'status', status: 503, path: '^/api/v1/iam/assignees', count: 8 }] });
  await api.post(`/v1/connections/${id}/rescan`);
  await when('unavailable', id, ({ waits }) => waits.sweep?.reason === 'unavailable');
  await when('rescanned', id, ({ scan }) => scan.number === 2 && scan.finishedAt);

  await tenant.control.revokeApiToken({});
  await when('needs-credentials', id, ({ phase }) => phase === 'needsCredentials');
  await tenant.control.restoreApiToken({});
  await api.put(`/v1/connections/${id}/credential`, { credential: tenant.body.credential });
  await when('credentials-renewed', id, ({ phase }) => phase === 'watching');

  for (let scan = 3; (await api.get<{ runs: number }>(`/v1/connections/${id}`)).runs < 3; scan += 1) {
    await api.post(`/v1/connections/${id}/rescan`);
    await when('rolled-over', id, (state) => state.scan.number >= scan && state.scan.finishedAt);
  }
  // The vendor takes its time to give up its hooks, so that there is a middle.
  const slowly = () =>
    tenant.control.faults({ add: [{ kind: 'delay', ms: 2000, path: '^/api/v1/eventHooks/', count: 1 }] });
  await slowly();
  await api.post(`/v1/connections/${id}/disconnect`);
  await when('disconnecting', id, ({ phase }) => phase === 'disconnecting');
  await ended('disconnected', id);

  const third = await connect();
  await when('scanning-again', third, ({ phase }) => phase === 'scanning');
  await when('watching-again', third, ({ phase }) => phase === 'watching');
  await slowly();
  await api.post(`/v1/connections/${third}/erase`);
  await when('erasing', third, ({ phase }) => phase === 'erasing');
  await ended('erased', third);

  const box = await startBoxTenant(owner, {
    logFolder,
    fill: { users: 6, groups: 1, items: 80, events: 0 },
    knobs: { limitFactor: 100, latencyMs: 20 },
  });
  const credential = { ...box.body.credential, webhookKeys: ['primary-key-1', 'secondary-key-1'] };
  const settings = { ...box.body.settings, callsPerMinute: 100_000 };
  const reading = await connect({ ...box.body, settings, credential, content: 'on' });
  await when('contents-read', reading, ({ phase, content }) => phase === 'watching' && content?.waiting === 0);
  writeFileSync(`${folder}states.json`, `${JSON.stringify(states)}\n`);
  writeFileSync(folder + hashFile, `${code}\n`);
  await client.connection.close();
}

try {
  await record();
} catch (error) {
  rmSync(folder, { recursive: true, force: true });
  throw error;
} finally {
  await owner.stop();
}

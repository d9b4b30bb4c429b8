import { MongoClient } from 'mongodb';
import { okta } from '../../connectors/okta/index.ts';
import { connectApi } from '../../local/api-client.ts';
import { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startMongo } from '../../local/servers/start-mongo.ts';
import { startTemporal } from '../../local/servers/start-temporal.ts';
import { startServices } from '../../local/stack.ts';
import type { ConnectionState } from '../../workflows/messages.ts';
import { createOpenGovernor } from '../support/open-governor.ts';
import { startOktaTenant, type OktaTenant } from '../support/okta-tenant.ts';
import type { Measured } from './measured.ts';

const users = 100_000;
/** A scan asks for the grants of each user; for a second scan the first must have ended. */
const rescanned = 10_000;

/**
 * A first scan and a rescan of 100,000 accounts through Temporal into MongoDB, beside the plain loop: the same HTTP
 * client and schemas, one page after the other, unordered upserts of 1,000, no transaction, no Temporal. The vendor
 * sets no limit; its own work is on the same cores in both.
 */
export async function throughput(): Promise<Measured[]> {
  const owner = new ProcessOwner();
  const logFolder = newLogFolder();
  const knobs = { limitFactor: 1_000_000 };
  try {
    const [temporal, mongodb, tenant, small] = await Promise.all([
      startTemporal(owner, { logFolder, ui: false }),
      startMongo(owner, { logFolder }),
      startOktaTenant(owner, { logFolder, users, groups: 2, events: 1, knobs }),
      startOktaTenant(owner, { logFolder, users: rescanned, groups: 2, events: 1, knobs, seed: 2, subdomain: 'small' }),
    ]);
    const client = await new MongoClient(mongodb.uri).connect();
    const plain = { first: await plainLoop(client, tenant), again: await plainLoop(client, tenant) };

    const { apiUrl, apiKey } = await startServices(owner, { temporal, mongodb }, { logFolder });
    const api = connectApi(apiUrl, apiKey);
    const large = await api.post<{ id: string }>('/v1/connections', { ...tenant.body, parallel: 1 });
    const first = await secondsOf(api, large.id, 1);
    await api.post(`/v1/connections/${large.id}/pause`);

    const { id } = await api.post<{ id: string }>('/v1/connections', { ...small.body, parallel: 1 });
    await untilScanned(api, id);
    await api.post(`/v1/connections/${id}/rescan`);
    const again = await secondsOf(api, id, 2);
    await client.close();

    const perSecond = { first: Math.round(users / first), again: Math.round(rescanned / again) };
    const details = { users, rescanned, plainPerSecond: plain, perSecond };
    const ratio = (ours: number, theirs: number) => Math.round((ours / theirs) * 100) / 100;
    return [
      bench('throughput', perSecond.first, 20_000, 'records/s', details),
      bench('throughput-ratio', ratio(perSecond.first, plain.first), 0.8, 'of the plain loop', details),
      bench('rescan', perSecond.again, 40_000, 'records/s', details),
      bench('rescan-ratio', ratio(perSecond.again, plain.again), 0.8, 'of the plain loop', details),
    ];
  } finally {
    await owner.stop();
  }
}

const bench = (name: string, figure: number, limit: number, unit: string, details: object): Measured => ({
  name,
  figure,
  limit,
  unit,
  holds: figure >= limit,
  details: { ...details },
});

/** Records a second. */
async function plainLoop(client: MongoClient, tenant: OktaTenant): Promise<number> {
  const accounts = client.db('plain').collection<{ _id: string }>('accounts');
  const session = okta.open({
    connectionId: 'plain',
    settings: tenant.body.settings,
    credential: tenant.body.credential,
    credentialVersion: 1,
    governor: createOpenGovernor(),
    urgency: 'sweep',
    signal: new AbortController().signal,
    allowLocalOrigins: true,
  });
  const begun = performance.now();
  let read = 0;
  let cursor: string | undefined;
  let waiting: { _id: string }[] = [];
  const write = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const batch = waiting.map((record) => ({
      updateOne: { filter: { _id: record._id }, update: { $set: record }, upsert: true },
    }));
    waiting = [];
    await accounts.bulkWrite(batch, { ordered: false });
  };
  do {
    const page = await okta.stages.users!.sweep!(session, { part: { id: 'accounts', title: '' }, cursor });
    waiting.push(...page.records.map((record) => ({ _id: record.vendorId, ...record })));
    read += page.records.length;
    cursor = page.next;
    if (waiting.length >= 1000) await write();
  } while (cursor !== undefined);
  await write();
  return Math.round(read / ((performance.now() - begun) / 1000));
}

type Api = ReturnType<typeof connectApi>;

async function eventually<T>(what: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 3_000; tries++) {
    const found = await what();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('it did not come to that within ten minutes');
}

const untilScanned = (api: Api, id: string): Promise<boolean> =>
  eventually(async () => {
    const { scan } = await api.get<{ scan?: ConnectionState['scan'] }>(`/v1/connections/${id}`);
    return scan?.finishedAt ? true : undefined;
  });

/** Seconds that the part `accounts` took in this scan, by MongoDB's clock. */
const secondsOf = (api: Api, id: string, scan: number): Promise<number> =>
  eventually(async () => {
    const { items } = await api.get<{ items: Position[] }>(`/v1/connections/${id}/positions?lane=sweep&stage=users`);
    const part = items.find((position) => position.part.id === 'accounts' && position.scan === scan);
    return part?.finishedAt ? (Date.parse(part.finishedAt) - Date.parse(part.startedAt)) / 1000 : undefined;
  });

interface Position {
  part: { id: string };
  scan: number;
  startedAt: string;
  finishedAt?: string;
}

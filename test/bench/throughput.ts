import { MongoClient } from 'mongodb';
import { okta } from '../../connectors/okta/index.ts';
import { createOpenGovernor } from '../support/open-governor.ts';
import { startOktaTenant, type OktaTenant } from '../support/okta-tenant.ts';
import type { Measured } from './measured.ts';
import { secondsOfAccounts } from './seconds-of-accounts.ts';
import { eventually, withBench, type ShownConnection } from './start-bench.ts';

const users = 100_000;
/** A scan asks for the grants of each user; for a second scan the first must have ended. */
const rescanned = 30_000;

/**
 * A first scan and a rescan of 100,000 accounts through Temporal into MongoDB, beside the plain loop: the same HTTP
 * client and schemas, one page after the other, unordered upserts of 1,000, no transaction, no Temporal. The vendor
 * sets no limit; its own work is on the same cores in both.
 */
export async function throughput(): Promise<Measured[]> {
  const knobs = { limitFactor: 1_000_000 };
  return withBench(async (bench, owner) => {
    const { api, logFolder } = bench;
    const [tenant, small] = await Promise.all([
      startOktaTenant(owner, { logFolder, users, groups: 2, events: 1, knobs }),
      startOktaTenant(owner, { logFolder, users: rescanned, groups: 2, events: 1, knobs, seed: 2, subdomain: 'small' }),
    ]);
    const client = await new MongoClient(bench.mongodb.uri).connect();
    const plain = { first: await plainLoop(client, tenant), again: await plainLoop(client, tenant) };
    await client.close();

    const large = await api.post<{ id: string }>('/v1/connections', { ...tenant.body, parallel: 1 });
    const first = await secondsOfAccounts(api, large.id, 1);
    await api.post(`/v1/connections/${large.id}/pause`);

    const { id } = await api.post<{ id: string }>('/v1/connections', { ...small.body, parallel: 1 });
    await eventually(async () => (await api.get<ShownConnection>(`/v1/connections/${id}`)).scan?.finishedAt);
    await api.post(`/v1/connections/${id}/rescan`);
    const again = await secondsOfAccounts(api, id, 2);

    const perSecond = { first: Math.round(users / first), again: Math.round(rescanned / again) };
    const details = { users, rescanned, plainPerSecond: plain, perSecond };
    const ratio = (ours: number, theirs: number) => Math.round((ours / theirs) * 100) / 100;
    return [
      measured('throughput', perSecond.first, 20_000, 'records/s', details),
      measured('throughput-ratio', ratio(perSecond.first, plain.first), 0.8, 'of the plain loop', details),
      measured('rescan', perSecond.again, 40_000, 'records/s', details),
      measured('rescan-ratio', ratio(perSecond.again, plain.again), 0.8, 'of the plain loop', details),
    ];
  });
}

const measured = (name: string, figure: number, limit: number, unit: string, details: object): Measured => ({
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

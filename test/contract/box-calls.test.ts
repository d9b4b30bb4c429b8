import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { OpenOptions, Page, Recalled } from '../../connectors/connector.ts';
import type { AnyRecord, FileRecord } from '../../connectors/records.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

/** Three pages of 1,000 users; a folder in each folder, so that each page of a sweep reads one. */
const users = 2_100;
const externals = 4;
const depth = 14;
const skewMs = 15 * 86_400_000;
let enterprise: BoxEnterprise;
let shared: string[];
/** As a store would have them after a scan. */
let accounts: ReadonlyMap<string, Recalled>;
let files: ReadonlyMap<string, Recalled> = new Map();

beforeAll(async () => {
  enterprise = await startEnterprise({ fill: { users, externals, groups: 0, items: 0, events: 0 } });
  const { control } = enterprise.simulator;
  const all = control.truth({ only: ['users'] }).users as { id: string; kind: string }[];
  const of = (wanted: string) => all.flatMap(({ id, kind }) => (kind === wanted ? [id] : []));
  const [inside, outside] = [of('managed'), of('external')];
  shared = [];
  for (let at = 0, parent: string | undefined; at < depth; at += 1) {
    const place = parent === undefined ? { owner: enterprise.owner } : { parent };
    parent = control.createItem({ type: 'folder', name: `level ${at}`, ...place }).id;
    const item = control.createItem({ type: 'file', name: `file ${at}`, parent }).id;
    shared.push(item);
    for (const user of [inside[at + 1]!, outside[at % externals]!]) control.invite({ item, user, role: 'viewer' });
  }
  // The stream has forgotten all that.
  control.knobs({ clockSkewMs: skewMs });
  accounts = stored((await sweep('users', 'accounts')).records, 'accounts');
  files = stored((await sweep('files', enterprise.owner)).records, enterprise.owner);
}, 60_000);
afterAll(() => enterprise.close());
beforeEach(() => enterprise.simulator.control.resetCounters());

const stored = (records: readonly AnyRecord[], part: string) =>
  new Map(
    records.map((record): [string, Recalled] => [
      record.vendorId,
      { record, part, observedAt: new Date(Date.now() + skewMs), hash: record.vendorId },
    ]),
  );
const store = {
  recall: async (kind, ids) => {
    const rows = { accounts, files }[kind as string] ?? new Map<string, Recalled>();
    return new Map([...rows].filter(([id]) => ids.includes(id)));
  },
  haveLogin: async (logins) => {
    const known = [...accounts.values()].map(({ record }) => (record.kind === 'accounts' ? record.login : ''));
    return new Set(logins.filter((login) => known.includes(login)));
  },
} satisfies Partial<OpenOptions>;

/** With a session for each page, as if each were a chunk of its own. */
async function sweep(stage: 'users' | 'files', id: string, options: Partial<OpenOptions> = {}) {
  const read: Page<AnyRecord>[] = [];
  let cursor: string | undefined;
  do {
    read.push(await box.stages[stage]!.sweep!(enterprise.open(options), { part: { id, title: '' }, cursor }));
    cursor = read.at(-1)!.next;
  } while (cursor !== undefined);
  return {
    records: read.flatMap(({ records }) => records),
    kept: read.flatMap(({ kept = [] }) => kept.map(({ vendorId }) => vendorId)),
    chunks: read.length,
  };
}
const callsTo = (operation: string) => enterprise.simulator.control.counters().calls[operation] ?? 0;

it('no chunk reads the list of users: the store knows them, and of each of the others Box is asked once', async () => {
  const nothingKept: OpenOptions['recall'] = async (kind, ids) =>
    kind === 'files' ? new Map() : store.recall(kind, ids);
  const { records, chunks } = await sweep('files', enterprise.owner, { ...store, recall: nothingKept });
  expect(chunks).toBeGreaterThan(depth);
  expect(callsTo('GET /users')).toBe(0);
  expect(callsTo('GET /users/{user_id}')).toBeLessThanOrEqual(externals);
  const people = records.flatMap((record) => (record as FileRecord).shares);
  expect(people).toHaveLength(2 * depth);
  for (const { to, sharing } of people) expect(sharing).toBe(accounts.has(to) ? 'internal' : 'external');
});

it('what was shared since the chunk before does not stand', async () => {
  const { kept } = await sweep('files', enterprise.owner, store);
  expect(kept.length).toBeGreaterThan(depth / 2);
  const [, id] = kept[0]!.split(':');
  enterprise.simulator.control.invite({ item: id!, email: 'late@partner.test', role: 'viewer' });
  expect((await sweep('files', enterprise.owner, store)).kept).toEqual(kept.slice(1));
}, 20_000);

it('an action reads no list of users either', async () => {
  const session = enterprise.open(store);
  const before = await box.actions.removeExternalAccess!.read(session, { fileId: `file:${shared.at(-1)}` } as never);
  expect(before.losesAccess).toHaveLength(1);
  expect(callsTo('GET /users')).toBe(0);
});

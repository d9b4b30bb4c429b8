import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { z } from 'zod';
import { box } from '../../connectors/box/index.ts';
import type { Call } from '../../connectors/call.ts';
import type { OpenOptions, Recalled, Session } from '../../connectors/connector.ts';
import type { Page } from '../../connectors/pages.ts';
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
async function sweep(
  stage: 'users' | 'files',
  id: string,
  options: Partial<OpenOptions> = {},
  over: (session: Session) => Session = (session) => session,
) {
  const read: Page<AnyRecord>[] = [];
  let cursor: string | undefined;
  do {
    read.push(await box.stages[stage]!.sweep!(over(enterprise.open(options)), { part: { id, title: '' }, cursor }));
    cursor = read.at(-1)!.next;
  } while (cursor !== undefined);
  return {
    records: read.flatMap(({ records }) => records),
    kept: read.flatMap(({ kept = [] }) => kept.map(({ vendorId }) => vendorId)),
    chunks: read.length,
  };
}
/** The stream without the rows of an item. */
const without = (item: string) => (session: Session) => {
  const fetch = session.fetch.bind(session);
  return Object.assign(session, {
    async fetch(call: Call) {
      const answer = await fetch(call);
      if (call.operation !== 'GET /events') return answer;
      const page = JSON.parse(answer.text()) as { entries: unknown[] };
      const entries = page.entries.filter((entry) => !JSON.stringify(entry).includes(`"${item}"`));
      const text = JSON.stringify({ ...page, entries });
      return { ...answer, text: () => text, json: (schema: z.ZodType) => schema.parse(JSON.parse(text)) };
    },
  });
};
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

it('of the stream a chunk reads what came since the chunk before, and once more what is younger than ten minutes', async () => {
  const { control } = enterprise.simulator;
  const minutes = (count: number) => control.knobs({ clockSkewMs: skewMs + count * 60_000 });
  const { id: item } = control.createItem({ type: 'file', name: 'one more', owner: enterprise.owner });
  const { id } = control.invite({ item, user: [...accounts.keys()][0]!, role: 'viewer' });
  for (let n = 0; n < 1_200; n += 1) control.updateCollaboration({ id, role: n % 2 === 0 ? 'editor' : 'viewer' });
  await sweep('files', enterprise.owner, store);
  minutes(11);
  enterprise.simulator.control.resetCounters();
  const { chunks, kept } = await sweep('files', enterprise.owner, store);
  // For each chunk a page with what came meanwhile, none of it of these, and one that shows that it was the last.
  expect(callsTo('GET /events')).toBeLessThanOrEqual(2 * chunks);
  expect(kept.length).toBeGreaterThan(depth / 2);
  // Should a row come to stand before a place that was told already, the next chunk sees it all the same.
  const [, hidden] = kept[0]!.split(':');
  control.invite({ item: hidden!, email: 'later@partner.test', role: 'viewer' });
  expect((await sweep('files', enterprise.owner, store, without(hidden!))).kept).toContain(kept[0]);
  expect((await sweep('files', enterprise.owner, store)).kept).not.toContain(kept[0]);
}, 30_000);

it('an action reads no list of users either', async () => {
  const session = enterprise.open(store);
  const before = await box.actions.removeExternalAccess!.read(session, { fileId: `file:${shared.at(-1)}` } as never);
  expect(before.losesAccess).toHaveLength(1);
  expect(callsTo('GET /users')).toBe(0);
});

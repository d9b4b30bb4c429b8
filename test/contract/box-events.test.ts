import { afterEach, beforeEach, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { Session } from '../../connectors/connector.ts';
import type { Page } from '../../connectors/pages.ts';
import { mostOpen, type AnyRecord } from '../../connectors/records.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let session: Session;
beforeEach(async () => {
  enterprise = await startEnterprise();
  // One session: each new one has a token of its own, which is an event.
  session = enterprise.open();
});
afterEach(() => enterprise.close());

const part = { id: '', title: '' };
const stream = box.stages.activities!;
const changes = (checkpoint?: string, cursor?: string) => stream.changes!(session, { part, checkpoint, cursor });
const append = (event_type: string, delayMs?: number, more: object = {}) =>
  enterprise.simulator.control.appendEvents({ events: [{ event_type, ...more }], delayMs })[0]!.event_id;
const ids = (page: Page<AnyRecord>) => page.records.map(({ vendorId }) => vendorId);
/** A run of changes, as the watch lane makes it. */
async function follow(checkpoint: string | undefined) {
  const pages: Page<AnyRecord>[] = [];
  let next: string | undefined;
  do {
    const page: Page<AnyRecord> = await changes(checkpoint, next);
    pages.push(page);
    next = page.next;
    expect(pages.length).toBeLessThan(50);
  } while (next !== undefined);
  return { records: pages.flatMap(ids), touched: pages.flatMap(({ touched = [] }) => touched), last: pages.at(-1)! };
}

it.each(['string', 'number'] as const)(
  'keeps a position of 64 bits to the last digit, sent as a %s',
  async (positionForm) => {
    enterprise.simulator.control.knobs({ positionForm });
    const opened = await changes();
    const position = (page: Page<AnyRecord>) =>
      (JSON.parse(Buffer.from(page.checkpoint!, 'base64url').toString()) as [number, { position: string }])[1].position;
    expect(position(opened)).toMatch(/^\d+$/);
    expect(BigInt(position(opened))).toBeGreaterThan(BigInt(Number.MAX_SAFE_INTEGER));
    const written = Array.from({ length: 5 }, () => append('LOGIN'));
    expect((await follow(opened.checkpoint)).records).toEqual(expect.arrayContaining(written));
  },
);

it('names an event once though the stream sends it twice, and reads on over short pages', async () => {
  enterprise.simulator.control.knobs({ duplicateProbability: 1, shortPageProbability: 1 });
  const opened = await changes();
  const written = Array.from({ length: 40 }, () => append('LOGIN'));
  const seen = await follow(opened.checkpoint);
  expect(seen.records).toEqual(expect.arrayContaining(written));
  expect(seen.records.length).toBeGreaterThan(written.length);
  // What came twice on one page is one record; a page later the store knows it by its id.
  const page = await changes(opened.checkpoint);
  expect(new Set(ids(page)).size).toBe(page.records.length);
});

it('reads a late event, and nothing more afterwards', async () => {
  const opened = await changes();
  const late = append('NEW_USER', 300);
  const early = append('LOGIN');
  let { records, last } = await follow(opened.checkpoint);
  expect([records.includes(early), records.includes(late)]).toEqual([true, false]);
  await expect
    .poll(async () => {
      ({ records, last } = await follow(last.checkpoint));
      return records;
    })
    .toContain(late);
  expect((await follow(last.checkpoint)).records).toEqual([]);
});

it('goes on from the oldest that is kept when Box no longer takes its position', async () => {
  const opened = await changes();
  const first = append('LOGIN');
  enterprise.simulator.control.faults({
    add: [{ kind: 'status', status: 400, path: 'stream_position=\\d{3,}', count: 1 }],
  });
  expect((await follow(opened.checkpoint)).records).toContain(first);
});

it('touches what an event is about, as whoever owns it, and marks our own doing', async () => {
  const opened = await changes();
  const { control } = enterprise.simulator;
  const { id } = control.createItem({ type: 'file', name: 'a.txt', owner: enterprise.owner, text: 'a' });
  control.setLink({ id, link: { access: 'open' } });
  const target = { fileId: `file:${id}` } as never;
  const { touched } = await follow(opened.checkpoint);
  expect(touched).toContainEqual({ kind: 'files', vendorId: `file:${id}`, part: enterprise.owner });
  const looked = () =>
    box.stages.files!.lookup!(
      session,
      touched.filter(({ kind }) => kind === 'files'),
    );
  const sharing = async () =>
    (await looked()).records.map((record) => record.kind === 'files' && mostOpen(record.shares));
  expect(await sharing()).toEqual(['public']);
  const action = box.actions.makePrivate!;
  await action.apply(session, target, (await action.read(session, target)).state);
  expect(await sharing()).toEqual(['private']);
  const own = enterprise.simulator.state.users.rows.find(({ kind }) => kind === 'service')!.id;
  const mine = append('EDIT_USER', undefined, { created_by: { type: 'user', id: own } });
  const page = await changes(opened.checkpoint);
  const labels = page.records.map((record) => [
    record.vendorId,
    record.kind === 'activities' && (record.event.metadata as { labels?: string[] }).labels,
  ]);
  expect(labels).toContainEqual([mine, ['castellan-self']]);
});

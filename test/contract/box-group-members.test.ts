import { afterAll, beforeAll, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { Page } from '../../connectors/pages.ts';
import type { AnyRecord } from '../../connectors/records.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

/** Box lists the first 11,000 of a group: offsets above 10,000 are refused. */
const members = 11_020;
let enterprise: BoxEnterprise;
let group: string;
const ids: string[] = [];

beforeAll(async () => {
  enterprise = await startEnterprise({
    fill: { users: 1, externals: 0, groups: 0, items: 0, events: 0, devicePins: 0 },
  });
  const { control } = enterprise.simulator;
  group = control.createGroup({ name: 'very many' }).id;
  for (let at = 0; at < members; at += 1) {
    const { id } = control.createUser({ login: `m${at}@acme.test`, name: `Member ${at}` });
    control.addMember({ group, user: id });
    ids.push(id);
  }
}, 120_000);
afterAll(() => enterprise.close());

it('finds members of a group among names, those too whom its list does not reach', async () => {
  const [first, last] = [ids[0]!, ids.at(-1)!];
  const stranger = enterprise.owner;
  const session = enterprise.open();
  const names = [
    first,
    last,
    'M1@ACME.test',
    `M${members - 2}@ACME.test`,
    stranger,
    'owner@acme.test',
    'no@where.test',
  ];
  const found = await box.membersAmong!(session, group, names);
  expect([...found].sort()).toEqual(names.slice(0, 4).sort());
  expect(session.calls()).toBeLessThan(11 + 2 * names.length + 3);
  const small = enterprise.simulator.control.createGroup({ name: 'few' }).id;
  enterprise.simulator.control.addMember({ group: small, user: stranger });
  const again = enterprise.open();
  expect(await box.membersAmong!(again, small, names)).toEqual([stranger, 'owner@acme.test']);
  expect(again.calls()).toBe(1);
  expect(await box.membersAmong!(again, '999', names)).toEqual([]);
});

it('a sweep tells by the group how many members it does not reach', async () => {
  const session = enterprise.open();
  const skipped: NonNullable<Page<AnyRecord>['skipped']>[number][] = [];
  let cursor: string | undefined;
  let read = 0;
  do {
    const page: Page<AnyRecord> = await box.stages.users!.sweep!(session, {
      part: { id: 'groups', title: '' },
      cursor,
    });
    read += page.records.filter((record) => record.kind === 'memberships' && record.groupId === group).length;
    skipped.push(...(page.skipped ?? []));
    cursor = page.next;
  } while (cursor !== undefined);
  expect(read).toBe(11_000);
  expect(skipped).toEqual([
    { vendorId: group, why: expect.stringMatching(new RegExp(`^group ${group}: 20 more of `)) },
  ]);
});

it('a member whom Box writes oddly keeps anybody from being called no member', async () => {
  const { control, state } = enterprise.simulator;
  const odd = control.createGroup({ name: 'odd' }).id;
  const { id } = control.addMember({ group: odd, user: ids[0]! });
  Object.assign(state.memberships.get(id)!, { id: 'an id of Box never looks like this' });
  await expect(box.membersAmong!(enterprise.open(), odd, ['x'])).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('lists a membership of unexpected shape at id'),
  });
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Session } from '../../connectors/connector.ts';
import { listGroups, type GroupPlace } from '../../connectors/box/group-list.ts';
import type { BoxSession } from '../../connectors/box/settings.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let everyone: number;
beforeAll(async () => {
  enterprise = await startEnterprise({ fill: { users: 1, externals: 0, groups: 0, items: 0, events: 0 } });
  everyone = enterprise.simulator.control.truth({ only: ['groups'] }).groups!.length;
  // Some that begin with no letter of the list, and too many of one, so that a second one is needed.
  make(50, (n) => `Ärzte ${n}`);
  make(30, (n) => `Tä ${n}`);
  make(8_000, (n) => `Team ${n}`);
  make(2_500, (n) => `TX ${n}`);
});
afterAll(() => enterprise.close());

const make = (count: number, name: (n: number) => string) => {
  for (let n = 0; n < count; n += 1) enterprise.simulator.control.createGroup({ name: name(n) });
};

async function list() {
  const session = enterprise.open() as Session as BoxSession;
  const ids: string[] = [];
  const skipped: string[] = [];
  let place: GroupPlace | undefined = { offset: 0 };
  while (place) {
    const page: Awaited<ReturnType<typeof listGroups>> = await listGroups(session, place);
    ids.push(...page.rows.map(({ id }) => id));
    skipped.push(...page.skipped.map(({ why }) => why));
    place = page.next && (JSON.parse(JSON.stringify(page.next)) as GroupPlace);
  }
  return { ids, skipped };
}

it('more groups than Box lists by offset are found by the begin of their names, each once', async () => {
  const { ids, skipped } = await list();
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toHaveLength(everyone + 10_580);
  expect(skipped).toEqual([]);
}, 60_000);

it('what cannot be found so is told, with how many', async () => {
  make(11_000, (n) => `日本 ${n}`);
  const { ids, skipped } = await list();
  const lost = everyone + 21_580 - ids.length;
  expect(new Set(ids).size).toBe(ids.length);
  expect(lost).toBeGreaterThan(0);
  expect(skipped).toEqual([expect.stringContaining(`about ${lost} of ${everyone + 21_580} groups`)]);
}, 60_000);

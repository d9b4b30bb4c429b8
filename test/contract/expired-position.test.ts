import { afterEach, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { Connector, Session } from '../../connectors/connector.ts';
import { okta } from '../../connectors/okta/index.ts';
import type { StageName } from '../../connectors/records.ts';
import { startEnterprise } from './box-enterprise.ts';
import { startOrg } from './okta-org.ts';

let close: () => Promise<void>;
afterEach(() => close());

/** Reads the part to its end, with the vendor forgetting every position after so many pages. */
async function readAfter({ stages }: Connector, session: Session, at: string, pages: number, forget: () => void) {
  const [stage, id] = at.split('/') as [StageName, string];
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const read = await stages[stage]!.sweep!(session, { part: { id, title: '' }, cursor, until: new Date() });
    if (read.next === undefined) return page;
    cursor = read.next;
    if (page === pages) forget();
  }
}

// Taken for the end of the list, its rest would be missing; asked for again, it would never come.
it.each([
  ['users/accounts', 400],
  ['users/accounts', 404],
  ['users/groups', 404],
  ['users/groups', 410],
  ['permissions/grants', 404],
  ['activities/', 400],
  ['activities/', 404],
])('Okta: %s begins again when its place is answered with %i', async (at, status) => {
  const { simulator, session } = await startOrg({
    knobs: { pageRows: 3, limitFactor: 1000 },
    fill: { users: 30, groups: 8, events: 2_500, logDays: 1 },
  });
  close = simulator.close;
  const forget = () => void simulator.control.faults({ add: [{ kind: 'expired', status }] });
  await expect(readAfter(okta, session, at, at === 'activities/' ? 2 : 4, forget)).rejects.toMatchObject({
    kind: 'restart',
  });
});

it('Box: a list of users begins again when its marker is refused', async () => {
  const { simulator, open, close: end } = await startEnterprise({ fill: { users: 1_300, items: 10, events: 5 } });
  close = end;
  const forget = () => simulator.control.forgetMarkers();
  await expect(readAfter(box, open(), 'users/accounts', 1, forget)).rejects.toMatchObject({ kind: 'restart' });
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let outsider: string;
beforeAll(async () => {
  enterprise = await startEnterprise();
  outsider = enterprise.simulator.control.createUser({
    login: 'guest@partner.test',
    name: 'Guest',
    kind: 'external',
  } as never).id;
});
afterAll(() => enterprise.close());

const lookup = (vendorId: string, part: string) =>
  box.stages.files!.lookup!(enterprise.open(), [{ kind: 'files', vendorId, part }]);

it('what an outsider owns is settled by one look: it is not kept', async () => {
  const { control } = enterprise.simulator;
  const { id } = control.createItem({ type: 'file', name: 'theirs.txt', owner: outsider, text: 'x' });
  const { absent, unknown, records } = await lookup(`file:${id}`, outsider);
  expect([records, unknown]).toEqual([[], []]);
  expect(absent).toEqual([{ kind: 'files', vendorId: `file:${id}`, part: outsider }]);
});

it('what came into an outsider’s hands is gone from here, also while it is shared with who had it', async () => {
  const { control } = enterprise.simulator;
  const { id } = control.createItem({ type: 'file', name: 'given.txt', owner: enterprise.owner, text: 'x' });
  control.move({ id, owner: outsider });
  control.invite({ item: id, user: enterprise.owner, role: 'editor' });
  const { absent, unknown } = await lookup(`file:${id}`, enterprise.owner);
  expect(unknown).toEqual([]);
  expect(absent).toHaveLength(1);
});

it('what may not be seen of one of ours is left open', async () => {
  const { control } = enterprise.simulator;
  const { id } = control.createItem({ type: 'file', name: 'ours.txt', owner: enterprise.owner, text: 'x' });
  control.putApp({ asUser: false });
  const { absent, unknown } = await lookup(`file:${id}`, enterprise.owner);
  control.putApp({ asUser: true });
  expect(absent).toEqual([]);
  expect(unknown).toHaveLength(1);
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
beforeAll(async () => {
  enterprise = await startEnterprise({ fill: { users: 2, externals: 1, groups: 0, items: 0, events: 0 } });
});
afterAll(() => enterprise.close());

it('an invitation that a list shows twice is one share', async () => {
  const { simulator, owner, open } = enterprise;
  const { control } = simulator;
  const { id } = control.createItem({ type: 'file', name: 'shared', owner, text: 'x' });
  control.invite({ item: id, email: 'guest@partner.test', role: 'viewer' });
  control.faults({ add: [{ kind: 'doubled', path: '/collaborations' }] });
  const found = await box.stages.files!.lookup!(open(), [{ kind: 'files', vendorId: `file:${id}`, part: owner }]);
  expect(control.faults()[0]!.struck).toBe(1);
  expect(found.records).toMatchObject([{ kind: 'files', shares: [{ to: 'guest@partner.test' }] }]);
});

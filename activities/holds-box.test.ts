import { beforeEach, describe, expect, it } from 'vitest';
import type { ActionName, ActionTarget } from '../connectors/actions.ts';
import type { ActionDocument } from '../store/action-documents.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
let count = 0;
let file: string;
let coadmin: string;

const again = { onRevert: 'again', forMs: 3_600_000, repeated: 0, mostRepeats: 2 };

async function held(action: ActionName, target: ActionTarget, hold: object = again): Promise<ActionDocument> {
  const { _id } = await box.ask(action, target, { hold });
  await box.lane();
  const document = await box.get(_id);
  expect(document).toMatchObject({ state: 'done', verified: true, hold: { stands: true } });
  return document;
}
const repeats = async (id: string) => box.db.collection('actions').countDocuments({ repeats: id });
async function heard() {
  await box.store.pending.add(box.connectionId, [{ kind: 'files', vendorId: `file:${file}`, part: box.owner }]);
  return box.watch('pending');
}

beforeEach(async () => {
  const { control } = box.simulator;
  count += 1;
  file = control.createItem({ type: 'file', name: `held ${count}`, owner: box.owner, text: 'x' }).id;
  control.setLink({ id: file, link: { access: 'open' } });
  coadmin = control.createUser({ login: `coadmin${count}@acme.test`, name: `Co-admin ${count}` } as never).id;
  control.updateUser({ user: coadmin, role: 'coadmin' });
  control.invite({ item: file, user: coadmin, role: 'editor' });
  await box.scan();
});

describe('a file that was made private', () => {
  it('is reported when it is shared again', async () => {
    const { _id } = await held('makePrivate', { fileId: `file:${file}` }, { ...again, onRevert: 'report' });
    box.simulator.control.invite({ item: file, user: coadmin, role: 'viewer' });
    await heard();
    expect((await box.get(_id)).reverted).toMatchObject([{ what: expect.stringContaining('collaborations') }]);
  });

  it('stays so in the trash: nothing is reported or done again until it is back and shared', async () => {
    const { _id } = await held('makePrivate', { fileId: `file:${file}` });
    box.simulator.control.trash({ id: file, user: box.owner });
    await heard();
    const trashed = await box.get(_id);
    expect([trashed.reverted, trashed.hold, await repeats(_id)]).toEqual([
      undefined,
      expect.objectContaining({ stands: true, repeated: 0 }),
      0,
    ]);
    expect(trashed.hold!.endedAt).toBeUndefined();
    box.simulator.control.restore({ id: file });
    box.simulator.control.setLink({ id: file, link: { access: 'open' } });
    await heard();
    expect([(await box.get(_id)).reverted!.length, await repeats(_id)]).toEqual([1, 1]);
  });
});

describe('a privilege that was removed', () => {
  it('and is given back is noticed by the event, which names the user alone', async () => {
    await box.watch();
    const privilegeId = `role:${coadmin}:coadmin`;
    const { _id } = await held('removePrivilege', { privilegeId });
    await box.watch();
    expect((await box.get(_id)).reverted).toBeUndefined();
    box.simulator.control.updateUser({ user: coadmin, role: 'coadmin' });
    await box.watch();
    expect([(await box.get(_id)).reverted!.length, await repeats(_id)]).toEqual([1, 1]);
  });
});

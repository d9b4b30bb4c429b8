import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import { box } from '../../connectors/box/index.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

/** Whom an owner made as strong as themselves. Our own service account was invited to nothing and acts as the owner. */
let enterprise: BoxEnterprise;
let coOwner: string;
let file: string;
let count = 0;
const expiresAt = Math.floor(Date.now() / 1000) * 1000 + 30 * 86_400_000;
const control = () => enterprise.simulator.control;
const shares = (id = file) =>
  control()
    .item({ id })!
    .collaborations.map(({ grantee, role, status, expiresAt: until }) => [grantee?.id, role, status, until]);

beforeAll(async () => {
  enterprise = await startEnterprise({ fill: { users: 3, externals: 0, groups: 0, items: 0, events: 0 } });
  const users = control().truth({ only: ['users'] }).users as { id: string; kind: string }[];
  coOwner = users.find(({ kind, id }) => kind === 'managed' && id !== enterprise.owner)!.id;
});
afterAll(() => enterprise.close());
beforeEach(() => {
  count += 1;
  file = control().createItem({ type: 'file', name: `file ${count}`, owner: enterprise.owner, text: 'x' }).id;
  control().invite({ item: file, user: coOwner, role: 'co-owner', expiresAt });
});

async function doAndUndo(name: ActionName, more: object, session = () => enterprise.open()) {
  const action = box.actions[name]!;
  const target = { fileId: `file:${file}`, ...more } as never;
  const before = await action.read(session(), target);
  const applied = await action.apply(session(), target, before.state);
  if (!('after' in applied)) throw new Error('pending');
  const between = control().item({ id: file })!;
  await action.undo!(session(), target, before.state, applied.after);
  return { before, between, verified: action.verified(before.state, applied.after) };
}

describe('a co-owner', () => {
  it.each(['removeCollaborator', 'makePrivate', 'quarantineFile', 'trashFile'] as const)(
    'loses the item by %s, and has it again after the undo with role and expiry',
    async (name) => {
      const given = shares();
      const more = name === 'removeCollaborator' ? { shareTo: coOwner } : {};
      const { before, between, verified } = await doAndUndo(name, more);
      expect(verified).toBe(true);
      expect(before.losesAccess!.map(({ how }) => how)).toContain('invited as co-owner');
      if (name !== 'trashFile') expect(between.collaborations).toEqual([]);
      expect(shares()).toEqual(given);
      expect(given).toEqual([[coOwner, 'co-owner', 'accepted', expiresAt]]);
    },
  );

  it('keeps role and expiry where another is removed', async () => {
    const other = control().createUser({ login: `other${count}@acme.test`, name: 'Other' } as never).id;
    control().invite({ item: file, user: other, role: 'editor' });
    const { between } = await doAndUndo('removeCollaborator', { shareTo: other });
    expect(between.collaborations).toMatchObject([{ role: 'co-owner', expiresAt }]);
    expect(shares().sort()).toEqual(
      [
        [coOwner, 'co-owner', 'accepted', expiresAt],
        [other, 'editor', 'accepted', null],
      ].sort(),
    );
  });

  it('whose role was changed meanwhile becomes a co-owner again', async () => {
    const action = box.actions.removeLink!;
    control().setLink({ id: file, link: { access: 'open' } });
    const target = { fileId: `file:${file}` };
    const before = await action.read(enterprise.open(), target);
    const applied = await action.apply(enterprise.open(), target, before.state);
    const { id } = control().item({ id: file })!.collaborations[0]!;
    enterprise.simulator.state.collabs.get(id)!.role = 'viewer';
    await action.undo!(enterprise.open(), target, before.state, (applied as { after: object }).after as never);
    expect(shares()).toEqual([[coOwner, 'co-owner', 'accepted', expiresAt]]);
  });

  it('is not taken for the owner where a scan saw the item in the co-owner’s tree', async () => {
    const seenThere = () => enterprise.open({ partOf: async () => coOwner });
    const { verified, before } = await doAndUndo('removeCollaborator', { shareTo: coOwner }, seenThere);
    expect([verified, (before.state as { ownerId: string }).ownerId]).toEqual([true, enterprise.owner]);
  });
});

describe('the quarantine of a file in the trash', () => {
  it('and its undo end in the trash, and nobody is let in', async () => {
    control().trash({ id: file });
    const { between, before, verified } = await doAndUndo('quarantineFile', {});
    expect(verified).toBe(true);
    expect(between).toMatchObject({ trashed: false, link: null, collaborations: [] });
    expect(between.owner).not.toBe(enterprise.owner);
    expect(before.irreversible.join()).toContain('removed for good');
    expect(control().item({ id: file })).toMatchObject({
      trashed: true,
      owner: enterprise.owner,
      collaborations: [],
      link: null,
    });
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import { box } from '../../connectors/box/index.ts';
import { Failure } from '../../connectors/kit/failures.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let folder: string;
let file: string;
let count = 0;
const control = () => enterprise.simulator.control;
const item = (id: string) => control().item({ id })!;
const someone = (name: string) =>
  control().createUser({ login: `${name}${count}@acme.test`, name: `${name} ${count}` } as never).id;
const guest = (name: string) =>
  control().createUser({ login: `${name}${count}@partner.test`, name, kind: 'external' } as never).id;
const shares = (id = file) => item(id).collaborations.map(({ grantee, status }) => [grantee?.id, status]);

beforeAll(async () => {
  enterprise = await startEnterprise({ fill: { users: 2, externals: 0, groups: 0, items: 0, events: 0 } });
});
afterAll(() => enterprise.close());
beforeEach(() => {
  count += 1;
  folder = control().createItem({ type: 'folder', name: `folder ${count}`, owner: enterprise.owner }).id;
  file = control().createItem({ type: 'file', name: `file ${count}`, parent: folder, text: 'x' }).id;
});
afterEach(() => void control().faults({ clear: true }));

async function act(name: ActionName, id = `file:${file}`) {
  const action = box.actions[name]!;
  const target = { fileId: id } as never;
  const before = await action.read(enterprise.open(), target);
  const applied = await action.apply(enterprise.open(), target, before.state);
  if (!('after' in applied)) throw new Error('pending');
  return {
    before,
    after: applied.after,
    undo: (session = enterprise.open()) => action.undo!(session, target, before.state, applied.after),
    read: async () => (await action.read(enterprise.open(), target, before.state)).state,
  };
}

describe('an undo', () => {
  it.each(['makePrivate', 'quarantineFile', 'trashFile'] as const)(
    'of %s gives back the link and the others when one account and one group were deleted, and tells who is missing',
    async (name) => {
      const [gone, stays] = [someone('gone'), someone('stays')];
      const group = control().createGroup({ name: `group ${count}` }).id;
      control().invite({ item: file, user: gone, role: 'editor' });
      control().invite({ item: file, group, role: 'viewer' });
      control().invite({ item: file, user: stays, role: 'editor' });
      control().setLink({ id: file, link: { access: 'open' } });
      const { undo } = await act(name);
      control().deleteUser({ user: gone });
      control().deleteGroup({ group });
      const lost = (await undo())!;
      expect(shares()).toEqual([[stays, 'accepted']]);
      expect(item(file).link).toMatchObject({ access: 'open' });
      expect(lost).toEqual([
        expect.stringMatching(new RegExp(`^group .* \\(viewer\\) did not get access back: .*404`)),
        expect.stringMatching(new RegExp(`^gone${count}@acme.test \\(editor\\) did not get access back: .*404`)),
      ]);
      expect(await undo()).toHaveLength(2);
      expect(shares()).toEqual([[stays, 'accepted']]);
    },
  );

  it('gives back the rest when Box refuses the link, and stops when Box is throttled', async () => {
    const stays = someone('stays');
    control().invite({ item: file, user: stays, role: 'editor' });
    control().setLink({ id: file, link: { access: 'open' } });
    const { undo } = await act('makePrivate');
    control().faults({ add: [{ kind: 'status', status: 429, path: '^/2.0/collaborations', method: 'POST' }] });
    await expect(undo()).rejects.toMatchObject({ kind: 'throttled' });
    control().faults({ clear: true });
    control().setLink({ id: file, link: null });
    control().knobs({ widestLink: 'company' });
    const lost = await undo();
    control().knobs({ widestLink: 'open' });
    expect(lost).toEqual([expect.stringMatching(/^the shared link \(open\) did not come back: .*403/)]);
    expect(shares()).toEqual([[stays, 'accepted']]);
  });

  it('of the quarantine of a folder goes on where a share below does not come back', async () => {
    const gone = someone('gone');
    const first = control().createItem({ type: 'file', name: 'a', parent: folder, text: 'a' }).id;
    const [second, third] = ['b', 'c'].map((name) => {
      const { id } = control().createItem({ type: 'file', name, parent: folder, text: name });
      control().setLink({ id, link: { access: 'open' } });
      return id;
    });
    control().invite({ item: first, user: gone, role: 'viewer' });
    const { undo } = await act('quarantineFile', `folder:${folder}`);
    control().deleteUser({ user: gone });
    control().purge({ id: second! });
    const lost = (await undo())!;
    expect(item(third!).link).toMatchObject({ access: 'open' });
    expect(lost).toEqual([
      expect.stringMatching(/^a \(file:\d+\): gone.* did not get access back/),
      `b (file:${second}): it is not there any more, and its shares are not`,
    ]);
  });

  it('does not let in who rejected the invitation, before the action or after it', async () => {
    const [before, after] = [someone('before'), guest('after')];
    control().invite({ item: file, user: before, role: 'editor', status: 'rejected' });
    control().invite({ item: file, user: after, role: 'editor' });
    const { undo, before: planned } = await act('makePrivate');
    expect(planned.losesAccess).toMatchObject([{ who: `after${count}@partner.test`, how: 'invited as editor' }]);
    control().invite({ item: file, user: after, role: 'editor', status: 'rejected' });
    expect(await undo()).toEqual([expect.stringContaining('has rejected an invitation meanwhile')]);
    expect(shares()).toEqual([
      [before, 'rejected'],
      [after, 'rejected'],
    ]);
  });

  it('invites again who had not accepted yet, which Box may accept at once: told beforehand', async () => {
    const waiting = someone('waiting');
    control().invite({ item: file, user: waiting, role: 'editor', status: 'pending' });
    const { undo, before } = await act('makePrivate');
    expect(before.irreversible.join()).toMatch(/waiting\d+@acme.test \(editor\) had not accepted yet/);
    await undo();
    expect(shares()).toEqual([[waiting, 'accepted']]);
  });

  it.each(['quarantineFile', 'trashFile'] as const)(
    'of %s ends in the root of the owner when the folder is gone, and tells it',
    async (name) => {
      control().setLink({ id: file, link: { access: 'company' } });
      const { undo, read, before } = await act(name);
      control().purge({ id: folder });
      expect(await undo()).toEqual([expect.stringMatching(/^it lies in the root of its owner, .* 404/)]);
      expect(item(file)).toMatchObject({ parent: '0', owner: enterprise.owner, link: { access: 'company' } });
      expect(await read()).toEqual({ ...before.state, parentId: '0' });
    },
  );

  it('of the trash says that the folder is in the trash, and works once that is restored', async () => {
    const { undo, read, before } = await act('trashFile');
    control().trash({ id: folder });
    await expect(undo()).rejects.toMatchObject({
      kind: 'conflict',
      message: `file ${count} cannot be reached while its folder folder ${count} (folder:${folder}) is in the trash`,
      details: { remedy: 'restore that folder first' },
    });
    control().restore({ id: folder });
    expect(await undo()).toEqual([]);
    expect(await read()).toEqual(before.state);
  });
});

describe('a change between the read and the write', () => {
  it.each(['trashFile', 'removeLink', 'restrictLink', 'removePublicAccess', 'quarantineFile'] as const)(
    'makes Box refuse %s',
    async (name) => {
      control().setLink({ id: file, link: { access: 'open' } });
      const action = box.actions[name]!;
      const target = { fileId: `file:${file}` } as never;
      const { state } = await action.read(enterprise.open(), target);
      const session = enterprise.open();
      const asOwner = session.as(enterprise.owner);
      const ownFetch = asOwner.fetch.bind(asOwner);
      const owner = Object.assign(asOwner, {
        fetch: (call: Parameters<typeof ownFetch>[0]) => {
          if (/^(PUT|DELETE) \/files/.test(call.operation)) control().rename({ id: file, name: `other ${count}` });
          return ownFetch(call);
        },
      });
      Object.assign(session, { as: (user: string) => (user === enterprise.owner ? owner : session.as(user)) });
      await expect(action.apply(session, target, state)).rejects.toMatchObject({ kind: 'conflict' });
      expect(item(file)).toMatchObject({ trashed: false, link: { access: 'open' }, owner: enterprise.owner });
    },
  );
});

describe('a share that cannot be read', () => {
  it('keeps makePrivate from being planned or verified, and a scan takes it for anybody', async () => {
    const { id } = control().invite({ item: file, user: someone('odd'), role: 'editor' });
    const { collabs } = enterprise.simulator.state;
    Object.assign(collabs.get(id)!, { id: 'an id of Box never looks like this' });
    await expect(act('makePrivate')).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('a collaboration of unexpected shape at id'),
    });
    const ref = { kind: 'files', vendorId: `file:${file}`, part: enterprise.owner } as const;
    const { records } = await box.stages.files!.lookup!(enterprise.open(), [ref]);
    expect(records).toMatchObject([{ shares: [{ to: 'unknown', sharing: 'external' }] }]);
  });
});

describe('what else cannot be read', () => {
  const odd = { id: 'an id of Box never looks like this' };

  it('of versions keeps a file from being overwritten: one of them would stay readable', async () => {
    control().addVersion({ id: file, text: 'second' });
    Object.assign(enterprise.simulator.state.items.edit(Number(file)).versions[0]!, odd);
    await expect(act('overwriteFile')).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(`file ${file} lists a version of unexpected shape at id`),
    });
  });

  it('of memberships keeps a user from being called no member', async () => {
    const user = someone('member');
    const group = control().createGroup({ name: `group ${count}` }).id;
    const { id } = control().addMember({ group, user });
    Object.assign(enterprise.simulator.state.memberships.get(id)!, odd);
    await expect(
      box.actions.removeFromGroup!.read(enterprise.open(), { groupId: group, accountId: user }),
    ).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(`user ${user} lists a membership of unexpected shape at id`),
    });
  });
});

describe('what a policy forbids', () => {
  type Asked = { operation: string; url: string | URL };
  const refused = new Failure('conflict', 'PUT /files is refused for this item (forbidden_by_policy)');
  /** As Box refuses those calls of the owner. */
  function refusing(which: (call: Asked) => boolean) {
    const session = enterprise.open();
    const asOwner = session.as(enterprise.owner);
    const ownFetch = asOwner.fetch.bind(asOwner);
    const owner = Object.assign(asOwner, {
      fetch: (call: Parameters<typeof ownFetch>[0]) => (which(call) ? Promise.reject(refused) : ownFetch(call)),
    });
    return Object.assign(session, { as: (user: string) => (user === enterprise.owner ? owner : session.as(user)) });
  }

  it('of one item below a folder keeps nothing else below it from coming back', async () => {
    const other = control().createItem({ type: 'file', name: `other ${count}`, parent: folder, text: 'x' }).id;
    for (const id of [file, other]) control().setLink({ id, link: { access: 'company' } });
    const { undo } = await act('quarantineFile', `folder:${folder}`);
    const isFile = ({ operation, url }: Asked) =>
      operation.startsWith('PUT ') && new URL(url).pathname.endsWith(`/files/${file}`);
    expect(await undo(refusing(isFile))).toEqual([
      `file ${count} (file:${file}): the shared link (company) did not come back: ${refused.message}`,
    ]);
    expect([item(file).link, item(other).link]).toEqual([null, expect.objectContaining({ access: 'company' })]);
    // And that too once the policy lets it.
    expect(await undo()).toEqual([]);
    expect(item(file).link).toMatchObject({ access: 'company' });
  });

  it('in the folder that a file was in leaves it in the root of its owner, and is told', async () => {
    const { undo, before, read } = await act('quarantineFile');
    let tries = 0;
    const session = refusing(({ operation }) => operation === 'PUT /files/{file_id}' && (tries += 1) === 1);
    expect(await undo(session)).toEqual([expect.stringMatching(/^it lies in the root .*forbidden_by_policy/)]);
    expect(await undo()).toEqual([]);
    expect(await read()).toEqual(before.state);
  });
});

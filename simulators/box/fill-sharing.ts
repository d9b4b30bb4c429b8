import { pick } from '../kit/seeded.ts';
import { FIRST_ITEM } from './base-items.ts';
import { schedulePurge } from './changes-items.ts';
import { putCollab } from './changes-collabs.ts';
import { putLink } from './changes-links.ts';
import { ownerOf } from './access.ts';
import { addDays, DAY } from './fill-days.ts';
import { ROLES } from './objects.ts';
import type { CollabRole, User } from './objects.ts';
import type { BoxState } from './state.ts';

interface Shares {
  sharedFolders: number;
  sharedFiles: number;
  links: number;
}

/** Invitations and links on items chosen by the seed; the items themselves stay untouched. */
export function fillSharing(state: BoxState, managed: readonly User[], outside: readonly User[], given: Shares): void {
  const { base } = state.items;
  for (let id = FIRST_ITEM; id < FIRST_ITEM + base.size; id++) {
    const folder = base.isFolder(id);
    const top = base.parent(id) < 0;
    const share = folder ? given.sharedFolders : given.sharedFiles;
    if (base.chance(id, 21) < share || (top && folder && ownerOf(state, id).kind === 'external')) {
      shareOne(state, id, managed, outside);
    }
    if (base.chance(id, 22) < given.links) {
      const chance = base.chance(id, 23);
      putLink(state, id, {
        access: chance < 0.4 ? 'open' : chance < 0.75 ? 'company' : 'collaborators',
        ...(chance < 0.1 ? { password: 'made-up-password' } : {}),
        ...(base.chance(id, 24) < 0.2 ? { unsharedAt: addDays(state, 1 + Math.floor(base.chance(id, 25) * 90)) } : {}),
        ...(chance < 0.75 ? { canDownload: base.chance(id, 26) < 0.8, canEdit: base.chance(id, 27) < 0.1 } : {}),
      });
    }
  }
}

function shareOne(state: BoxState, id: number, managed: readonly User[], outside: readonly User[]): void {
  const { random } = state;
  const owner = ownerOf(state, id);
  const used = new Set([`user ${owner.id}`]);
  for (let times = 1 + Math.floor(random() * 3); times > 0; times--) {
    const role = pick<CollabRole>(random, ROLES);
    const kind = random();
    const expiresAt = random() < 0.1 ? addDays(state, 1 + Math.floor(random() * 60)) : null;
    const createdAt = addDays(state, -Math.floor(random() * 200)) - 3_600_000;
    const more = { item: id, role, expiresAt, createdAt };
    if (kind < 0.05) {
      const inviteEmail = `invited${Math.floor(random() * 1_000)}@nowhere.test`;
      if (used.has(inviteEmail)) continue;
      used.add(inviteEmail);
      putCollab(state, owner.id, { ...more, grantee: null, inviteEmail, status: 'pending' });
      continue;
    }
    const groups = state.groups.rows;
    const grantee =
      kind < 0.2 && groups.length > 0
        ? { type: 'group' as const, id: pick(random, groups).id }
        : { type: 'user' as const, id: pick(random, kind < 0.4 && outside.length > 0 ? outside : managed).id };
    const key = `${grantee.type} ${grantee.id}`;
    if (used.has(key)) continue;
    used.add(key);
    const pending = grantee.type === 'user' && state.user(grantee.id)?.kind === 'external' && random() < 0.2;
    putCollab(state, owner.id, {
      ...more,
      grantee,
      status: pending ? 'pending' : 'accepted',
      accessOnly: random() < 0.03,
    });
  }
}

/** Some items in the trash, files and small folders. */
export function fillTrash(state: BoxState, part: number): void {
  const { base } = state.items;
  for (let id = FIRST_ITEM; id < FIRST_ITEM + base.size; id++) {
    if (base.chance(id, 28) >= part) continue;
    if (base.isFolder(id) && base.children(id).count > 20) continue;
    const owner = ownerOf(state, id);
    if (owner.kind !== 'managed') continue;
    const item = state.items.edit(id);
    item.trashedAt = state.now() - Math.floor(base.chance(id, 29) * 28 * DAY);
    item.trashedBy = owner.id;
    item.etag++;
    const link = state.links.get(id);
    if (link) {
      state.links.delete(id);
      state.linkByToken.delete(link.token);
    }
    schedulePurge(state, item);
  }
}

import { pick } from '../kit/seeded.ts';
import { addDays, DAY } from './fill-days.ts';
import type { Tenant } from './bootstrap.ts';
import { putGroup, putMembership, putUser } from './changes-users.ts';
import { fillEvents } from './fill-events.ts';
import { fillSharing, fillTrash } from './fill-sharing.ts';
import type { User, UserStatus } from './objects.ts';
import type { BoxState } from './state.ts';

export interface FillOptions {
  /** Managed users, the admin included. */
  users?: number;
  /** Co-admins among them. */
  coadmins?: number;
  /** People outside the enterprise who share something with it. */
  externals?: number;
  groups?: number;
  membershipsPerUser?: number;
  /** Files and folders of all users. */
  items?: number;
  /** Part of the items that are folders, and how much is in an average one. */
  folders?: number;
  perFolder?: number;
  /** Longest made-up file, bytes. */
  fileBytes?: number;
  /** Part of the files that have older versions. */
  versioned?: number;
  /** Part of the folders, and of the files, that somebody was invited to. */
  sharedFolders?: number;
  sharedFiles?: number;
  /** Part of the items with a shared link. */
  links?: number;
  /** Part of the items in the trash. */
  trashed?: number;
  devicePins?: number;
  /** Made-up enterprise events over `eventDays`. */
  events?: number;
  eventDays?: number;
  /** Events of others, put among the made-up ones. */
  sampleEvents?: readonly Record<string, unknown>[];
}

export interface Filled {
  users: number;
  externals: number;
  groups: number;
  memberships: number;
  items: number;
  collaborations: number;
  links: number;
  trashed: number;
  devicePins: number;
  events: number;
}

/** Fills a tenant; the same seed and options give the same tenant up to the moment of filling. */
export function fill({ state }: Tenant, options: FillOptions = {}): Filled {
  fillUsers(state, options.users ?? 50, options.coadmins ?? 2, options.externals ?? 15);
  fillGroups(state, options.groups ?? 10, options.membershipsPerUser ?? 2);
  const managed = state.users.rows.filter((user) => user.kind === 'managed');
  const outside = state.users.rows.filter((user) => user.kind === 'external');
  // One tree in 40 belongs to somebody outside, who shares a part of it.
  const owners = [...managed, ...outside.slice(0, Math.ceil(managed.length / 40))];
  const items = options.items ?? 1_000;
  if (items > 0) {
    state.items.fill({
      seed: state.seed,
      items,
      owners: owners.map((user) => user.number),
      folders: options.folders ?? 0.14,
      perFolder: options.perFolder ?? 12,
      fileBytes: options.fileBytes ?? 4_096,
      versioned: options.versioned ?? 0.05,
      now: state.now(),
    });
    fillSharing(state, managed, outside, {
      sharedFolders: options.sharedFolders ?? 0.08,
      sharedFiles: options.sharedFiles ?? 0.01,
      links: options.links ?? 0.04,
    });
    fillTrash(state, options.trashed ?? 0.01);
  }
  for (let nth = 0; nth < (options.devicePins ?? 10); nth++) {
    const seq = state.seq();
    const owner = managed[nth % managed.length] as User;
    const productName = pick(state.random, ['iPhone', 'iPad', 'Android', 'Windows Phone']);
    state.devicePins.add({ id: String(3_300_000 + seq), seq, owner: owner.id, productName });
  }
  fillEvents(state, managed, options.events ?? 500, options.eventDays ?? 20, options.sampleEvents ?? []);
  return measure(state);
}

export function measure(state: BoxState): Filled {
  const rows = state.users.rows;
  return {
    users: rows.filter((user) => user.kind === 'managed').length,
    externals: rows.filter((user) => user.kind === 'external').length,
    groups: state.groups.size,
    memberships: state.memberships.size,
    items: state.items.size,
    collaborations: state.collabs.size,
    links: state.links.size,
    trashed: [...state.items.touched].filter((item) => item.trashedAt !== undefined).length,
    devicePins: state.devicePins.size,
    events: state.events.count,
  };
}

const RARE: readonly UserStatus[] = ['inactive', 'cannot_delete_edit', 'cannot_delete_edit_upload'];

function fillUsers(state: BoxState, count: number, coadmins: number, externals: number): void {
  const there = state.users.rows.filter((user) => user.kind === 'managed').length;
  for (let number = there; number < count; number++) {
    putUser(state, {
      name: `User ${number}`,
      login: `user${String(number).padStart(4, '0')}@${state.enterprise.domain}`,
      role: number <= coadmins ? 'coadmin' : 'user',
      // One in 12 is not simply active.
      status: number > coadmins && number % 12 === 11 ? (RARE[Math.floor(number / 12) % 3] as UserStatus) : 'active',
      createdAt: addDays(state, -(30 + Math.floor(state.random() * 700))),
      jobTitle: number % 5 === 0 ? '' : 'Member of staff',
    });
  }
  for (let number = 1; number <= externals; number++) {
    const domain = `partner${1 + (number % 4)}.test`;
    const login = `guest${String(number).padStart(4, '0')}@${domain}`;
    if (!state.userByLogin.has(login)) putUser(state, { kind: 'external', name: `Guest ${number}`, login });
  }
}

function fillGroups(state: BoxState, count: number, perUser: number): void {
  for (let number = state.groups.size + 1; number <= count; number++) {
    putGroup(state, {
      name: `Group ${number}`,
      createdAt: addDays(state, -600),
      ...(number % 5 === 0 ? { provenance: 'Directory', externalId: `ext${number}` } : {}),
    });
  }
  const groups = state.groups.rows;
  if (groups.length === 0) return;
  for (const user of state.users.rows) {
    if (user.kind !== 'managed') continue;
    for (let times = Math.floor(state.random() * (2 * perUser + 1)); times > 0; times--) {
      // Squared, so that a few groups are large and one stays nearly empty.
      const group = groups[Math.floor(state.random() ** 2 * groups.length)] as (typeof groups)[0];
      if (group.members.has(user.id)) continue;
      const at = state.now() - Math.floor(state.random() * 300) * DAY;
      putMembership(state, group, user.id, state.random() < 0.05 ? 'admin' : 'member', at);
    }
  }
}

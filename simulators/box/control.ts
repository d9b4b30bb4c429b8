import { isLive, ownerOf } from './access.ts';
import { FIRST_ITEM } from './base-items.ts';
import { bootstrap, putApp } from './bootstrap.ts';
import type { Tenant, TenantOptions } from './bootstrap.ts';
import { invite, keyOf, removeCollab, updateCollab } from './changes-collabs.ts';
import type { CollabPatch } from './changes-collabs.ts';
import {
  addVersion,
  createItem,
  moveItem,
  purgeItem,
  renameItem,
  restoreItem,
  touch,
  trashItem,
} from './changes-items.ts';
import { setLink } from './changes-links.ts';
import type { LinkPatch } from './changes-links.ts';
import {
  addMember,
  createGroup,
  createUser,
  deleteGroup,
  deleteUser,
  removeMember,
  updateUser,
} from './changes-users.ts';
import type { NewUser } from './changes-users.ts';
import { endWebhook } from './changes-webhooks.ts';
import type { Content } from './content.ts';
import { createCounters } from './counters.ts';
import type { Counters } from './counters.ts';
import type { BoxEvent } from './event-log.ts';
import type { BoxFault } from './faults.ts';
import { fill, measure } from './fill.ts';
import type { Filled, FillOptions } from './fill.ts';
import type { Gate } from './gate.ts';
import { turnKnobs } from '../kit/turn-knobs.ts';
import type { Knobs, KnobsPatch } from './knobs.ts';
import { linkUrl } from './render-link.ts';
import { makeEvent } from './record.ts';
import type { By } from './record.ts';
import type { App, Collab, CollabRole, Group, Item, Membership, SharedLink, User } from './objects.ts';
import { itemTruth, readTruth } from './truth.ts';
import type { ItemTruth, Truth } from './truth.ts';

/**
 * What only tests and the demo may do: change the tenant as somebody else would, turn knobs, read the whole truth and
 * the vendor's own counts. Every method takes and gives JSON, so that the same is offered under `/_control`.
 */
export type Control = ReturnType<typeof createControl>;

export function createControl(tenant: { now: Tenant }, options: TenantOptions, gate: Gate) {
  const state = () => tenant.now.state;
  const user = (idOrLogin: string): User => {
    const found = state().user(idOrLogin) ?? state().userByLogin.get(idOrLogin.toLowerCase());
    if (!found) throw new Error(`no such user: ${idOrLogin}`);
    return found;
  };
  const group = (id: string): Group => {
    const found = state().groups.get(id);
    if (!found) throw new Error(`no such group: ${id}`);
    return found;
  };
  const item = (id: string): Item => state().items.edit(Number(id));
  const collab = (id: string): Collab => {
    const found = state().collabs.get(id);
    if (!found) throw new Error(`no such collaboration: ${id}`);
    return found;
  };
  const admin = (): By => ({ userId: tenant.now.admin.id, ip: '203.0.113.7' });
  /** The given user, or whoever owns the item. */
  const actor = (id: string | undefined, of: Item): By => ({
    userId: id === undefined ? ownerOf(state(), of.id).id : user(id).id,
    ip: '203.0.113.8',
  });
  const root = (given: { parent?: string; owner?: string }): number =>
    given.parent !== undefined && given.parent !== '0'
      ? item(given.parent).id
      : -(given.owner === undefined ? tenant.now.admin : user(given.owner)).number;
  return {
    /** An enterprise without users again; knobs stay, counters begin anew. */
    reset(): void {
      const { knobs } = state();
      tenant.now = bootstrap(options, knobs, createCounters());
      gate.follow(tenant.now.state);
    },
    fill: (given: FillOptions = {}): Filled => fill(tenant.now, given),
    measure: (): Filled => measure(state()),
    truth: (given: { only?: (keyof Truth)[] } = {}): Partial<Truth> => readTruth(state(), given.only),
    /** Also of an item in the trash; null when it is gone. */
    item: ({ id }: { id: string }): ItemTruth | null =>
      state().items.has(Number(id)) ? itemTruth(state(), Number(id)) : null,
    counters: (): Counters & { inFlight: number } => ({ ...state().counters, inFlight: gate.limits.inFlight }),
    resetCounters: (): void => void Object.assign(state().counters, createCounters()),
    knobs: (patch: KnobsPatch = {}): Knobs => turnKnobs(state().knobs, patch),
    /** Adds faults; answers every rule with how often it struck. */
    faults(given: { add?: BoxFault[]; clear?: boolean } = {}): { rule: BoxFault; struck: number }[] {
      if (given.clear) gate.faults.clear();
      for (const rule of given.add ?? []) gate.faults.add(rule);
      return gate.faults.list();
    },
    /** Every marker given so far is refused, as after a restart at the vendor. */
    forgetMarkers: (): void => gate.markers.forget(),

    createUser: (given: NewUser): { id: string } => ({ id: createUser(state(), admin(), given).id }),
    updateUser: ({ user: id, ...patch }: Partial<User> & { user: string }): void =>
      updateUser(state(), admin(), user(id), patch),
    deleteUser: ({ user: id }: { user: string }): void => deleteUser(state(), admin(), user(id)),
    createGroup: ({ name }: { name: string }): { id: string } => ({ id: createGroup(state(), admin(), { name }).id }),
    deleteGroup: ({ group: id }: { group: string }): void => deleteGroup(state(), admin(), group(id)),
    addMember(given: { group: string; user: string; role?: Membership['role'] }): { id: string } {
      const to = group(given.group);
      if (to.members.has(given.user)) throw new Error(`already a member: ${given.user}`);
      return { id: addMember(state(), admin(), to, user(given.user).id, given.role ?? 'member').id };
    },
    removeMember(given: { group: string; user: string }): void {
      const id = group(given.group).members.get(user(given.user).id);
      if (id === undefined) throw new Error('no such membership');
      removeMember(state(), admin(), state().memberships.get(id) as Membership);
    },

    /** A file (with `text`, or `size` made-up bytes), folder or web link; in a root where `parent` is absent or "0". */
    createItem(given: {
      type: Item['type'];
      name: string;
      parent?: string;
      owner?: string;
      text?: string;
      size?: number;
      url?: string;
    }): { id: string } {
      const parent = root(given);
      const by = { userId: parent < 0 ? (state().userByNumber.get(-parent) as User).id : ownerOf(state(), parent).id };
      const made = createItem(state(), by, {
        type: given.type,
        name: given.name,
        parent,
        url: given.url,
        content: contentOf(given, state().seq()),
      });
      return { id: String(made.id) };
    },
    addVersion: (given: { id: string; text?: string; size?: number; user?: string }): void => {
      const content = contentOf(given, state().seq()) ?? { bytes: Buffer.alloc(0) };
      addVersion(state(), actor(given.user, item(given.id)), Number(given.id), content);
    },
    rename({ id, name, user: who }: { id: string; name: string; user?: string }): void {
      const one = item(id);
      renameItem(state(), actor(who, one), one, name);
      touch(state(), one, actor(who, one));
    },
    /** `share` of what the tenant was filled with, evenly over it; what is in the trash is left out. */
    renameSome({ share }: { share: number }): { renamed: number } {
      const { base } = state().items;
      let renamed = 0;
      for (let id = FIRST_ITEM; id < FIRST_ITEM + base.size; id += Math.round(1 / share)) {
        if (!state().items.has(id) || !isLive(state(), id)) continue;
        const one = item(String(id));
        renameItem(state(), actor(undefined, one), one, `renamed ${id}`);
        touch(state(), one, actor(undefined, one));
        renamed += 1;
      }
      return { renamed };
    },
    move({ id, parent, owner, user: who }: { id: string; parent?: string; owner?: string; user?: string }): void {
      const one = item(id);
      moveItem(
        state(),
        actor(who, one),
        one,
        parent === undefined && owner === undefined ? -1 : root({ parent, owner }),
      );
    },
    trash: ({ id, user: who }: { id: string; user?: string }): void =>
      trashItem(state(), actor(who, item(id)), Number(id)),
    restore({ id }: { id: string }): void {
      const one = item(id);
      restoreItem(state(), actor(undefined, one), one.id, one.parent, one.name);
    },
    purge: ({ id }: { id: string }): void => purgeItem(state(), actor(undefined, item(id)), Number(id)),
    /** `null` takes the link away. */
    setLink({ id, link, user: who }: { id: string; link: LinkPatch | null; user?: string }): { url: string | null } {
      const one = item(id);
      setLink(state(), actor(who, one), one, link);
      touch(state(), one, actor(who, one));
      return { url: link ? linkUrl(state(), state().links.get(one.id) as SharedLink) : null };
    },
    /** `user`, `group` or `email` is who gets in. */
    invite(given: {
      item: string;
      user?: string;
      group?: string;
      email?: string;
      role: CollabRole;
      status?: Collab['status'];
      expiresAt?: number;
      canViewPath?: boolean;
      /** Who invites: the owner unless told. */
      by?: string;
    }): { id: string } {
      const one = item(given.item);
      const grantee =
        given.user !== undefined
          ? ({ type: 'user', id: user(given.user).id } as const)
          : given.group !== undefined
            ? ({ type: 'group', id: group(given.group).id } as const)
            : null;
      const { email, role, expiresAt, canViewPath } = given;
      const key = keyOf({ grantee, inviteEmail: email ?? null });
      for (const id of state().collabsOfItem.get(one.id) ?? []) {
        if (keyOf(collab(id)) === key) throw new Error(`already a collaborator: ${key}`);
      }
      const status = given.status ?? (grantee ? 'accepted' : 'pending');
      const made = { item: one.id, grantee, inviteEmail: email, role, expiresAt, status, canViewPath };
      return { id: invite(state(), actor(given.by, one), made).id };
    },
    updateCollaboration({ id, ...patch }: CollabPatch & { id: string }): void {
      updateCollab(state(), actor(undefined, item(String(collab(id).item))), collab(id), patch);
    },
    removeCollaboration: ({ id }: { id: string }): void =>
      removeCollab(state(), actor(undefined, item(String(collab(id).item))), collab(id)),

    /** A platform application; what is left out stays as it is. Tokens that it has keep their old scopes. */
    putApp: (given: Partial<App> & { clientId?: string; clientSecret?: string }): App => {
      const { clientId, clientSecret } = options;
      tenant.now.app = putApp(state(), { clientId, clientSecret, ...given });
      return tenant.now.app;
    },
    /** Box ends it by itself, as it does where nothing could be delivered for long. */
    endWebhook({ id }: { id: string }): void {
      const hook = state().webhooks.get(id);
      if (!hook) throw new Error(`no such webhook: ${id}`);
      endWebhook(state(), hook);
    },
    /** Every access token handed out so far is worth nothing from now on. */
    expireAccessTokens: (): void => state().tokens.clear(),

    /** Rows of the enterprise's log; `delayMs` holds them back, so that they come late. */
    appendEvents: ({ events, delayMs }: { events: Record<string, unknown>[]; delayMs?: number }): BoxEvent[] =>
      events.map((event) => {
        const at = typeof event.created_at === 'string' ? Date.parse(event.created_at) : state().now();
        const blank = makeEvent(state(), { type: 'LOGIN', by: admin(), source: null, at });
        const { event_id, event_type, created_at, recorded_at } = blank;
        return state().events.append(
          { event_id, event_type, created_at, recorded_at, ...event } as BoxEvent,
          at,
          delayMs,
        );
      }),
    /** What is due by now happens at once, not with the next request: expiries, purges, jobs. */
    runDue: (): void => state().due.run(state().now()),
  };
}

function contentOf(given: { text?: string; size?: number }, seed: number): Content | undefined {
  if (given.text !== undefined) return { bytes: Buffer.from(given.text) };
  return given.size === undefined ? undefined : { seed, size: given.size };
}

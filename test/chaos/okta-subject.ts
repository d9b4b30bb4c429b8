import type { ProcessOwner } from '../../local/processes.ts';
import { pick, type Random } from '../../simulators/kit/seeded.ts';
import { startOktaTenant, type OktaTenant } from '../support/okta-tenant.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface ProxiedOkta extends OktaTenant {
  proxy: TcpProxy;
  newUser(): Promise<string>;
  /** Somebody changes something at the vendor, which the vendor's log tells. Users of actions are left alone. */
  change(random: Random): Promise<void>;
}

/** Every call takes a moment, so that there is a middle for faults to strike in. */
const latencyMs = 8;

export async function startProxiedOkta(owner: ProcessOwner, logFolder: string, seed: number): Promise<ProxiedOkta> {
  const tenant = await startOktaTenant(owner, {
    logFolder,
    users: 160,
    groups: 8,
    events: 400,
    seed: 1 + (seed % 1000),
    knobs: { latencyMs },
  });
  const { control } = tenant;
  const proxy = await new TcpProxy({ host: '127.0.0.1', port: Number(new URL(tenant.url).port) }).listen();
  const url = `http://${proxy.address}`;
  let users = 0;
  const named = `of-actions-${seed}`;

  async function somebody(random: Random, ...statuses: string[]): Promise<string> {
    const { users: all } = await control.truth({ only: ['users'] });
    const free = all!.filter((user) => {
      const { login } = user['profile'] as { login: string };
      return !login.includes(named) && (statuses.length === 0 || statuses.includes(String(user['status'])));
    });
    // The first is the administrator whose token we have.
    return String(pick(random, free.slice(1))['id']);
  }

  const changes: ((random: Random) => Promise<unknown>)[] = [
    async (random) => {
      const { users: all } = await control.truth({ only: ['users'] });
      const user = await somebody(random, 'ACTIVE', 'SUSPENDED');
      const active = all!.find(({ id }) => id === user)?.['status'] === 'ACTIVE';
      await control.setStatus({ user, status: active ? 'SUSPENDED' : 'ACTIVE' });
    },
    async (random) =>
      control.updateProfile({
        user: await somebody(random),
        profile: { lastName: `Changed${Math.floor(random() * 1e9)}` },
      }),
    async (random) => control.createUser({ profile: { login: `new-${Math.floor(random() * 1e12)}@acme.test` } }),
    async (random) => {
      const { groups } = await control.truth({ only: ['groups'] });
      // Of some tenants all groups come from a directory.
      const own = groups!.filter((group) => group['type'] === 'OKTA_GROUP');
      if (own.length === 0) return;
      await control.addMember({ group: String(pick(random, own)['id']), user: await somebody(random) });
    },
    async (random) => {
      const { memberships } = await control.truth({ only: ['memberships'] });
      if (memberships!.length === 0) return;
      const { groupId, userId } = pick(random, memberships!);
      await control.removeMember({ group: groupId, user: userId });
    },
    async (random) => {
      const { grants } = await control.truth({ only: ['grants'] });
      if (grants!.length > 0) await control.revokeGrant({ id: String(pick(random, grants!)['id']) });
    },
    async (random) =>
      control.grantRole({
        type: 'READ_ONLY_ADMIN',
        assignmentType: 'USER',
        assigneeId: await somebody(random, 'ACTIVE'),
      }),
  ];

  return {
    ...tenant,
    proxy,
    body: { ...tenant.body, settings: { ...tenant.body.settings, baseUrl: url } },
    async newUser() {
      users += 1;
      return (await control.createUser({ profile: { login: `${named}-${users}@acme.test` } })).id;
    },
    async change(random) {
      await pick(random, changes)(random);
    },
  };
}

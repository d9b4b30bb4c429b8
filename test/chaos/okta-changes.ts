import { pick, type Random } from '../../simulators/kit/seeded.ts';
import type { OktaTenant } from '../support/okta-tenant.ts';

type Change = (random: Random) => Promise<unknown>;

/** What people do in a directory all day; `somebody` is of one of these statuses, if told. */
export function oktaChanges(
  { control }: Pick<OktaTenant, 'control'>,
  somebody: (random: Random, ...statuses: string[]) => Promise<string>,
): readonly Change[] {
  return [
    async (random) => control.setStatus({ user: await somebody(random, 'ACTIVE'), status: 'SUSPENDED' }),
    async (random) => control.setStatus({ user: await somebody(random, 'ACTIVE', 'SUSPENDED'), status: 'ACTIVE' }),
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
}

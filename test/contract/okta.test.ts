import { okta } from '../../connectors/okta/index.ts';
import type { OktaFault } from '../../simulators/okta/faults.ts';
import { createOktaSimulator } from '../../simulators/okta/simulator.ts';
import { describeContract } from './contract-suite.ts';
import type { Spoil } from './running-app.ts';

describeContract(okta, async () => {
  const token = '00canaryOfTheContractSuite0000000000000000';
  const simulator = await createOktaSimulator({
    token,
    knobs: { limitFactor: 1000 },
    fill: { users: 650, groups: 12, events: 3_500, logDays: 10 },
  });
  const { control } = simulator;
  // A group of more than two pages of members, beside many small ones.
  const large = control.createGroup({ name: 'large' }).id;
  for (const { id } of simulator.state.users.rows.slice(0, 450)) control.addMember({ group: large, user: id });
  const truth = () => control.truth() as Required<ReturnType<typeof control.truth>>;
  const someone = (at: number) => control.createUser({ profile: { login: `target${at}@acme.test` } }).id;
  const faultOf = (spoil: Spoil): OktaFault => {
    if (spoil.kind === 'emptyMiddlePage') return { kind: 'heldBack', count: 1 };
    if (spoil.kind === 'foreignNext') return { kind: 'foreign', to: spoil.to };
    return spoil.kind === 'status' ? spoil : { kind: spoil.kind };
  };
  return {
    settings: { domain: 'acme.okta.com', baseUrl: simulator.url },
    credential: { type: 'ssws', token },
    wrongCredential: { type: 'ssws', token: '00notAToken' },
    secrets: [token],
    long: ['users/accounts', 'users/groups', 'permissions/grants', 'activities/'],
    truth() {
      const { users, groups, memberships } = truth();
      const everyone = groups.find(({ type }) => type === 'BUILT_IN')?.id;
      return {
        accounts: users.length,
        groups: groups.length,
        memberships: memberships.filter(({ groupId }) => groupId !== everyone).length,
      };
    },
    spoilable: { stage: 'users', part: 'accounts', path: '^/api/v1/users\\?' },
    spoil: (spoil, path) => void control.faults({ add: [{ ...faultOf(spoil), path }] }),
    mend: () => void control.faults({ clear: true }),
    change() {
      const user = someone(0);
      const group = control.createGroup({ name: 'changed' }).id;
      control.addMember({ group, user });
      return [
        { kind: 'accounts', vendorId: user },
        { kind: 'memberships', vendorId: `${group}:${user}` },
      ];
    },
    missing: [
      { kind: 'accounts', vendorId: '00unobody' },
      { kind: 'groups', vendorId: '00gnothing' },
      { kind: 'memberships', vendorId: '00gnothing:00unobody' },
      { kind: 'privileges', vendorId: 'user:00unobody:ra1' },
      { kind: 'appPermissions', vendorId: 'grant:00unobody:oag1' },
    ],
    targets() {
      const [suspended, reset, member, admin, signedIn] = [1, 2, 3, 4, 5].map(someone) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const group = control.createGroup({ name: 'acted upon' }).id;
      control.addMember({ group, user: member });
      const role = control.grantRole({ type: 'READ_ONLY_ADMIN', assignmentType: 'USER', assigneeId: admin }).id;
      const off = someone(6);
      control.setStatus({ user: off, status: 'SUSPENDED' });
      const grant = truth().grants[0] as { id: string; userId: string };
      return {
        suspendUser: { accountId: suspended },
        unsuspendUser: { accountId: off },
        revokeSessions: { accountId: signedIn },
        requirePasswordReset: { accountId: reset },
        removeFromGroup: { groupId: group, accountId: member },
        removePrivilege: { privilegeId: `user:${admin}:${role}` },
        revokeAppPermission: { appPermissionId: `grant:${grant.userId}:${grant.id}` },
      };
    },
    close: () => simulator.close(),
  };
});

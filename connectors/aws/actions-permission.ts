import { UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import type { ActionTarget } from '../actions.ts';
import type { Action, Before } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { setKey } from './actions-user.ts';
import { clientsOf } from './clients.ts';
import { callerOf } from './directory.ts';
import { vendor } from './errors.ts';
import { refuseManagedRole, refuseSelf } from './guard.ts';
import { findKey, readRole, readTrustId } from './permissions.ts';
import { parseDocument, statementsOf } from './policies.ts';
import type { AwsSession, AwsSettings } from './settings.ts';

type Target = ActionTarget<'revokeAppPermission'>;

export type PermissionState =
  | { what: 'key'; keyId: string; userName: string; userId: string; status: string }
  | { what: 'trust'; roleName: string; principal: string; document: string; denied: boolean };

const revokedSid = 'CastellanRevoked';

interface Document {
  Version?: string;
  Statement?: unknown;
}

async function readState(session: AwsSession, id: string): Promise<PermissionState> {
  const trust = readTrustId(id);
  if (trust) {
    const role = await readRole(session, trust.roleName);
    const document = parseDocument(role?.AssumeRolePolicyDocument);
    if (!role || document === undefined)
      throw new Failure('notFound', `there is no role ${trust.roleName} with a trust policy`, { who: 'operator' });
    refuseManagedRole(role);
    const denied = statementsOf(document).some(
      (statement) => !statement.allow && statement.principals.some(({ value }) => value === trust.principal),
    );
    return { what: 'trust', ...trust, document: JSON.stringify(document), denied };
  }
  const found = await findKey(session, id);
  if (!found)
    throw new Failure('notFound', `there is no access key ${id}`, {
      who: 'operator',
      remedy: id.startsWith('arn:')
        ? 'an identity provider cannot be removed and put back; revoke the trust of the roles that name it'
        : undefined,
    });
  const { key, userName, userId } = found;
  return { what: 'key', keyId: id, userName, userId, status: key.Status ?? '' };
}

/** Denies the outsider in the trust policy itself: removing it could leave a policy that AWS refuses as empty. */
function deniedDocument(state: Extract<PermissionState, { what: 'trust' }>): string {
  const document = JSON.parse(state.document) as Document;
  const all = Array.isArray(document.Statement) ? (document.Statement as unknown[]) : [document.Statement];
  const trusting = statementsOf(document)
    .filter(({ allow }) => allow)
    .find(({ principals }) => principals.some(({ value }) => value === state.principal));
  const type = trusting?.principals.find(({ value }) => value === state.principal)?.type ?? 'AWS';
  const deny = {
    Sid: revokedSid,
    Effect: 'Deny',
    Principal: type === '*' ? { AWS: '*' } : { [type]: state.principal },
    Action: trusting?.actions.length ? trusting.actions : ['sts:AssumeRole'],
  };
  return JSON.stringify({ ...document, Statement: [...all, deny] });
}

async function putTrust(session: AwsSession, RoleName: string, PolicyDocument: string): Promise<void> {
  await vendor(
    'iam:UpdateAssumeRolePolicy',
    clientsOf(session).iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument })),
  );
}

export const revokeAppPermission: Action<Target, PermissionState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { appPermissionId }): Promise<Before<PermissionState>> {
    const began = session.calls();
    const state = await readState(session, appPermissionId);
    const reading = session.calls() - began;
    const touched = { kind: 'appPermissions' as const, vendorId: appPermissionId };
    if (state.what === 'trust') {
      const own = /:assumed-role\/([^/]+)\//.exec((await callerOf(session)).arn)?.[1];
      if (own === state.roleName)
        throw new Failure('conflict', 'this is the role that Castellan itself uses', { who: 'operator' });
      return {
        state,
        plan: [`Add a statement to the trust policy of ${state.roleName} that denies ${state.principal}.`],
        irreversible: ['Sessions that were begun already last until they expire.'],
        calls: 1 + reading,
        done: state.denied,
        losesAccess: state.denied ? [] : [{ who: state.principal, how: `the role ${state.roleName}` }],
        touches: [{ ...touched, part: 'trusts' }],
      };
    }
    await refuseSelf(session, state.userId);
    return {
      state,
      plan: [`Set access key ${state.keyId} of ${state.userName} to Inactive.`],
      irreversible: [],
      calls: 1 + reading,
      done: state.status === 'Inactive',
      losesAccess: state.status === 'Inactive' ? [] : [{ who: state.userName, how: `the access key ${state.keyId}` }],
      principal: state.userId,
      touches: [
        { ...touched, part: 'keys' },
        { kind: 'accounts', vendorId: state.userId },
      ],
    };
  },
  async apply(session, { appPermissionId }, before) {
    if (before.what === 'key') {
      if (before.status !== 'Inactive') await setKey(session, before.userName, before.keyId, 'Inactive');
    } else if (!before.denied) await putTrust(session, before.roleName, deniedDocument(before));
    return { after: await readState(session, appPermissionId) };
  },
  async undo(session, _target, before) {
    if (before.what === 'key') {
      if (before.status === 'Active') await setKey(session, before.userName, before.keyId, 'Active');
    } else await putTrust(session, before.roleName, before.document);
  },
  verified: (_before, after) => (after.what === 'key' ? after.status === 'Inactive' : after.denied),
};

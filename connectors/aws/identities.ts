import {
  GetAccountAuthorizationDetailsCommand,
  type GetAccountAuthorizationDetailsCommandOutput,
} from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Stage } from '../connector.ts';
import type { Page, PageRequest } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import type { StageRecords } from '../records.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { clientsOf } from './clients.ts';
import { credentialReport, signInOf } from './credential-report.ts';
import { accountOf, groupsOf, iamPageSize } from './directory.ts';
import { vendor } from './errors.ts';
import { lookupIdentities } from './identity-lookup.ts';
import {
  accountRecordOf,
  groupRecordOf,
  isDenied,
  membershipRecordOf,
  privilegesOf,
  rootPrivilege,
  rootRecord,
  type Holder,
} from './identity-records.ts';
import { partitionOf, type AwsSession, type AwsSettings } from './settings.ts';

type Row = StageRecords['users'];
const cursor = createCursor(1, z.strictObject({ marker: z.string() }));

interface Detail {
  inline?: { PolicyName?: string; PolicyDocument?: string }[];
  attached?: { PolicyName?: string; PolicyArn?: string }[];
}
const holder = (kind: Holder['kind'], id = '', name = '', detail: Detail): Holder => ({
  kind,
  id,
  name,
  inline: (detail.inline ?? []).map(({ PolicyName = '', PolicyDocument }) => ({
    name: PolicyName,
    document: PolicyDocument,
  })),
  attached: (detail.attached ?? []).map(({ PolicyName = '', PolicyArn = '' }) => ({
    name: PolicyName,
    arn: PolicyArn,
  })),
});

async function rowsOf(session: AwsSession, page: GetAccountAuthorizationDetailsCommandOutput): Promise<Row[]> {
  const report = await credentialReport(session);
  const groups = page.UserDetailList?.some(({ GroupList }) => GroupList?.length) ? await groupsOf(session) : undefined;
  const users = await inParallel(page.UserDetailList ?? [], 4, async (user): Promise<Row[]> => {
    const own = holder('accounts', user.UserId, user.UserName, {
      inline: user.UserPolicyList,
      attached: user.AttachedManagedPolicies,
    });
    // A user made after the report was is not in it; one that is denied everything may have been suspended after it.
    const reported = isDenied(own) ? undefined : report?.get(user.Arn ?? '');
    const signIn = reported ?? (await signInOf(session, { UserName: own.name }));
    const memberships = (user.GroupList ?? []).flatMap((name) => {
      const group = groups?.byName.get(name)?.GroupId;
      return group ? [membershipRecordOf(group, own.id)] : [];
    });
    return [accountRecordOf(user, signIn, own), ...memberships, ...(await privilegesOf(session, own))];
  });
  const groupRows = await inParallel(page.GroupDetailList ?? [], 4, async (group): Promise<Row[]> => {
    const own = holder('groups', group.GroupId, group.GroupName, {
      inline: group.GroupPolicyList,
      attached: group.AttachedManagedPolicies,
    });
    return [groupRecordOf(group), ...(await privilegesOf(session, own))];
  });
  const roleRows = await inParallel(page.RoleDetailList ?? [], 4, (role): Promise<Row[]> =>
    privilegesOf(
      session,
      holder('roles', role.RoleId, role.RoleName, {
        inline: role.RolePolicyList,
        attached: role.AttachedManagedPolicies,
      }),
    ),
  );
  return [...groupRows, ...users, ...roleRows].flat();
}

async function sweep(session: AwsSession, request: PageRequest): Promise<Page<Row>> {
  const marker = request.cursor === undefined ? undefined : cursor.read(request.cursor).marker;
  const page = await vendor(
    'iam:GetAccountAuthorizationDetails',
    clientsOf(session).iam.send(
      new GetAccountAuthorizationDetailsCommand({
        Filter: ['User', 'Group', 'Role'],
        MaxItems: iamPageSize,
        Marker: marker,
      }),
    ),
  );
  const records = await rowsOf(session, page);
  if (marker === undefined) {
    const account = await accountOf(session);
    const report = await credentialReport(session);
    const root = report?.get(`arn:${partitionOf(session.settings)}:iam::${account}:root`);
    records.unshift(rootRecord(account, root), rootPrivilege(account));
  }
  return { records, next: page.IsTruncated && page.Marker ? cursor.write({ marker: page.Marker }) : undefined };
}

/** IAM users, groups, memberships and policies: one listing of everything, and the credential report beside it. */
export const usersStage: Stage<Row, AwsSettings> = { sweep, lookup: lookupIdentities };

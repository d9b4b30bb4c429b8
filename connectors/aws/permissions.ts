import {
  GetAccessKeyLastUsedCommand,
  GetAccountAuthorizationDetailsCommand,
  GetAccountSummaryCommand,
  GetOpenIDConnectProviderCommand,
  GetRoleCommand,
  ListOpenIDConnectProvidersCommand,
  ListSAMLProvidersCommand,
  ListUsersCommand,
  type AccessKeyMetadata,
} from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Stage } from '../connector.ts';
import type { Looked, Page, PageRequest, Part, Ref } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import type { AppPermissionRecord } from '../records.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { clientsOf } from './clients.ts';
import { keysOf } from './credential-report.ts';
import { accountOf, iamPageSize, pick, plain, usersOf } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import { accountIn, parseDocument, statementsOf } from './policies.ts';
import type { AwsSession, AwsSettings } from './settings.ts';

const cursor = createCursor(1, z.strictObject({ marker: z.string() }));
const markerOf = (request: PageRequest) =>
  request.cursor === undefined ? undefined : cursor.read(request.cursor).marker;
const after = (page: { IsTruncated?: boolean; Marker?: string }) =>
  page.IsTruncated && page.Marker ? cursor.write({ marker: page.Marker }) : undefined;

const parts: Part[] = [
  { id: 'keys', title: 'access keys' },
  { id: 'trusts', title: 'roles that trust other accounts and identity providers' },
];

// Each user costs a call and each key another, so a page is kept to what a minute allows.
const usersPerPage = 50;

async function keyRecord(session: AwsSession, key: AccessKeyMetadata, userId: string): Promise<AppPermissionRecord> {
  const used = await absentAs(
    'iam:GetAccessKeyLastUsed',
    clientsOf(session).iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId: key.AccessKeyId })),
    undefined,
    'NoSuchEntityException',
    'AccessDenied',
  );
  const last = used?.AccessKeyLastUsed;
  return {
    kind: 'appPermissions',
    vendorId: key.AccessKeyId!,
    accountId: userId,
    appId: 'aws-api',
    appName: 'AWS access key',
    type: 'accessKey',
    scopes: [],
    status: key.Status === 'Active' ? 'active' : 'inactive',
    issuedAt: key.CreateDate,
    lastUsedAt: last?.LastUsedDate,
    raw: plain({ ...key, LastUsedRegion: last?.Region, LastUsedService: last?.ServiceName }),
  };
}

async function sweepKeys(session: AwsSession, request: PageRequest): Promise<Page<AppPermissionRecord>> {
  const page = await vendor(
    'iam:ListUsers',
    clientsOf(session).iam.send(new ListUsersCommand({ MaxItems: usersPerPage, Marker: markerOf(request) })),
  );
  const found = await inParallel(page.Users ?? [], 4, async (user) => {
    const keys = (await keysOf(session, user.UserName!)) ?? [];
    return Promise.all(keys.map((key) => keyRecord(session, key, user.UserId!)));
  });
  const records = found.flat();
  if (request.cursor === undefined) records.unshift(...(await rootKeys(session)));
  return { records, next: after(page) };
}

/** The root account's keys are only counted by the vendor, never named. */
async function rootKeys(session: AwsSession): Promise<AppPermissionRecord[]> {
  const summary = await absentAs(
    'iam:GetAccountSummary',
    clientsOf(session).iam.send(new GetAccountSummaryCommand({})),
    undefined,
    'AccessDenied',
  );
  const count = summary?.SummaryMap?.AccountAccessKeysPresent ?? 0;
  if (count === 0) return [];
  const account = await accountOf(session);
  return [
    {
      kind: 'appPermissions',
      vendorId: `${account}/root-keys`,
      accountId: account,
      appId: 'aws-api',
      appName: 'AWS access key of root',
      type: 'accessKey',
      scopes: ['*'],
      status: 'active',
      raw: { account, AccountAccessKeysPresent: count },
    },
  ];
}

export interface TrustingRole {
  RoleName?: string;
  RoleId?: string;
  Arn?: string;
  Path?: string;
  CreateDate?: Date;
  AssumeRolePolicyDocument?: string;
  RoleLastUsed?: { LastUsedDate?: Date; Region?: string };
}

export const trustId = (roleName: string, principal: string): string => `trust/${roleName}/${principal}`;
export function readTrustId(id: string): { roleName: string; principal: string } | undefined {
  const found = /^trust\/([\w+=,.@-]+)\/(.+)$/s.exec(id);
  return found ? { roleName: found[1]!, principal: found[2]! } : undefined;
}

/** Who from outside may assume the role: other accounts and identity providers. AWS's own services are no third party. */
export function trustsOf(role: TrustingRole, account: string): AppPermissionRecord[] {
  const document = parseDocument(role.AssumeRolePolicyDocument);
  const statements = statementsOf(document);
  const denied = new Set(
    statements.filter(({ allow }) => !allow).flatMap(({ principals }) => principals.map(({ value }) => value)),
  );
  const found = new Map<string, AppPermissionRecord>();
  for (const statement of statements.filter(({ allow }) => allow))
    for (const { type, value } of statement.principals) {
      if (type === 'Service' || (type === 'AWS' && accountIn(value) === account)) continue;
      const conditions = Object.entries(statement.condition).flatMap(([operator, keys]) =>
        Object.keys(keys).map((key) => `${operator} ${key}`),
      );
      const id = trustId(role.RoleName ?? '', value);
      found.set(id, {
        kind: 'appPermissions',
        vendorId: id,
        appId: accountIn(value) ?? value,
        appName: type === 'Federated' ? value : type === '*' ? 'anybody' : `account ${accountIn(value) ?? value}`,
        type: 'trust',
        scopes: [
          `role:${role.RoleName}`,
          ...(conditions.length ? conditions.map((each) => `condition:${each}`) : ['unconditional']),
          ...(type === 'AWS' && !/sts:ExternalId/i.test(JSON.stringify(statement.condition)) ? ['no-external-id'] : []),
        ],
        status: denied.has(value) || denied.has('*') ? 'revoked' : 'active',
        issuedAt: role.CreateDate,
        lastUsedAt: role.RoleLastUsed?.LastUsedDate,
        raw: plain({ RoleName: role.RoleName, RoleId: role.RoleId, Arn: role.Arn, statement: statement.raw }),
      });
    }
  return [...found.values()];
}

async function sweepTrusts(session: AwsSession, request: PageRequest): Promise<Page<AppPermissionRecord>> {
  const { iam } = clientsOf(session);
  // ListRoles does not tell when a role was last used; this listing does.
  const page = await vendor(
    'iam:GetAccountAuthorizationDetails',
    iam.send(
      new GetAccountAuthorizationDetailsCommand({
        Filter: ['Role'],
        MaxItems: iamPageSize,
        Marker: markerOf(request),
      }),
    ),
  );
  const account = await accountOf(session);
  const records = (page.RoleDetailList ?? []).flatMap((role) => trustsOf(role, account));
  if (request.cursor === undefined) records.unshift(...(await providers(session)));
  return { records, next: after(page) };
}

/** Identity providers that the account trusts; what they may do stands in the roles that name them. */
async function providers(session: AwsSession): Promise<AppPermissionRecord[]> {
  const { iam } = clientsOf(session);
  const base = { kind: 'appPermissions' as const, type: 'trust' as const, status: 'active' as const };
  const oidc = await vendor('iam:ListOpenIDConnectProviders', iam.send(new ListOpenIDConnectProvidersCommand({})));
  const saml = await vendor('iam:ListSAMLProviders', iam.send(new ListSAMLProvidersCommand({})));
  const open = await inParallel(oidc.OpenIDConnectProviderList ?? [], 4, async ({ Arn = '' }) => {
    const detail = await absentAs(
      'iam:GetOpenIDConnectProvider',
      iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: Arn })),
      undefined,
      'NoSuchEntityException',
      'AccessDenied',
    );
    return {
      ...base,
      vendorId: Arn,
      appId: detail?.Url ?? Arn.replace(/^.*oidc-provider\//, ''),
      appName: 'OpenID Connect provider',
      scopes: (detail?.ClientIDList ?? []).map((client) => `client:${client}`),
      issuedAt: detail?.CreateDate,
      raw: plain({ Arn, Url: detail?.Url, ClientIDList: detail?.ClientIDList }),
    };
  });
  return [
    ...open,
    ...(saml.SAMLProviderList ?? []).map(({ Arn = '', CreateDate, ValidUntil }) => ({
      ...base,
      vendorId: Arn,
      appId: Arn.replace(/^.*saml-provider\//, ''),
      appName: 'SAML provider',
      scopes: [],
      issuedAt: CreateDate,
      expiresAt: ValidUntil,
      raw: plain({ Arn, CreateDate, ValidUntil }),
    })),
  ];
}

export async function readRole(session: AwsSession, RoleName: string): Promise<TrustingRole | undefined> {
  const answer = await absentAs(
    'iam:GetRole',
    clientsOf(session).iam.send(new GetRoleCommand({ RoleName })),
    undefined,
    'NoSuchEntityException',
  );
  return answer?.Role;
}

/** The user whose key it is, and the key; `absent` when IAM does not know it. */
export async function findKey(session: AwsSession, AccessKeyId: string) {
  const used = await absentAs(
    'iam:GetAccessKeyLastUsed',
    clientsOf(session).iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId })),
    undefined,
    // For a key that it does not know IAM answers with AccessDenied or NoSuchEntity, by whose it was.
    'NoSuchEntityException',
    'AccessDenied',
  );
  if (!used?.UserName) return undefined;
  const user = pick(await usersOf(session), `name:${used.UserName}`);
  const key = (await keysOf(session, used.UserName))?.find((each) => each.AccessKeyId === AccessKeyId);
  return user?.UserId && key ? { key, userName: used.UserName, userId: user.UserId } : undefined;
}

async function lookup(session: AwsSession, refs: readonly Ref[]): Promise<Looked<AppPermissionRecord>> {
  const records = new Map<string, AppPermissionRecord>();
  const absent: Ref[] = [];
  const unknown: Ref[] = [];
  await inParallel(refs, 4, async (ref) => {
    if (ref.kind !== 'appPermissions') return void unknown.push(ref);
    const trust = readTrustId(ref.vendorId);
    if (trust) {
      const role = await readRole(session, trust.roleName);
      const found = role && trustsOf(role, await accountOf(session));
      for (const record of found ?? []) records.set(record.vendorId, record);
      // `*` asks for whatever the role trusts now.
      if (trust.principal !== '*' && !found?.some(({ vendorId }) => vendorId === ref.vendorId)) absent.push(ref);
      return;
    }
    if (!/^A[KS]IA[A-Z0-9]+$/.test(ref.vendorId)) return void unknown.push(ref);
    const found = await findKey(session, ref.vendorId);
    if (found) records.set(ref.vendorId, await keyRecord(session, found.key, found.userId));
    else absent.push(ref);
  });
  return { records: [...records.values()], absent, unknown };
}

export const permissionsStage: Stage<AppPermissionRecord, AwsSettings> = {
  parts: () => Promise.resolve({ records: parts }),
  sweep: (session, request) => (request.part.id === 'keys' ? sweepKeys : sweepTrusts)(session, request),
  lookup,
};

import { setTimeout as wait } from 'node:timers/promises';
import {
  GenerateCredentialReportCommand,
  GetCredentialReportCommand,
  GetLoginProfileCommand,
  ListAccessKeysCommand,
  ListMFADevicesCommand,
  type AccessKeyMetadata,
} from '@aws-sdk/client-iam';
import { Failure } from '../kit/failures.ts';
import { clientsOf, remembered } from './clients.ts';
import { allPages } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import type { AwsSession } from './settings.ts';

/** How a user may sign in, which IAM tells apart from the user. */
export interface SignIn {
  console: boolean;
  keys: number;
  activeKeys: number;
  mfa: boolean;
  lastLoginAt?: Date;
  passwordChangedAt?: Date;
}

// The vendor renews a report at most every 4 hours; one older than this may miss what was done since.
const freshMs = 15 * 60_000;
const polls = 20;
const pollMs = 500;

const dateOf = (text: string | undefined): Date | undefined => {
  const date = new Date(text ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
};

/** The CSV of the report: a line a user, by its ARN. Names hold no comma or quote, which IAM does not allow. */
export function parseReport(csv: string): Map<string, SignIn> {
  const [head = '', ...lines] = csv.split(/\r?\n/);
  const columns = head.split(',');
  const rows = new Map<string, SignIn>();
  for (const line of lines) {
    if (!line) continue;
    const cells = line.split(',');
    const row = Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? '']));
    const keys = [1, 2].filter((n) => dateOf(row[`access_key_${n}_last_rotated`]) !== undefined);
    const active = [1, 2].filter((n) => row[`access_key_${n}_active`] === 'true');
    rows.set(row.arn!, {
      console: row.password_enabled === 'true',
      keys: Math.max(keys.length, active.length),
      activeKeys: active.length,
      mfa: row.mfa_active === 'true',
      lastLoginAt: dateOf(row.password_last_used),
      passwordChangedAt: dateOf(row.password_last_changed),
    });
  }
  return rows;
}

/** All users' ways to sign in at the cost of two calls, or undefined when no fresh report may be had. */
export function credentialReport(session: AwsSession): Promise<Map<string, SignIn> | undefined> {
  return remembered(session, 'credential report', async () => {
    try {
      return await readReport(session);
    } catch (error) {
      // Then it is asked user by user, which other permissions allow.
      if (Failure.is(error, 'forbidden')) return undefined;
      throw error;
    }
  });
}

async function readReport(session: AwsSession): Promise<Map<string, SignIn> | undefined> {
  const { iam } = clientsOf(session);
  const get = () =>
    absentAs(
      'iam:GetCredentialReport',
      iam.send(new GetCredentialReportCommand({})),
      undefined,
      'CredentialReportNotPresentException',
      'CredentialReportExpiredException',
      'CredentialReportNotReadyException',
      'ReportNotPresent',
      'ReportExpired',
      'ReportInProgress',
    );
  const fresh = (report: Awaited<ReturnType<typeof get>>) =>
    report?.Content && report.GeneratedTime && session.now().getTime() - report.GeneratedTime.getTime() < freshMs
      ? parseReport(new TextDecoder().decode(report.Content))
      : undefined;
  const present = fresh(await get());
  if (present) return present;
  for (let poll = 0; poll < polls; poll++) {
    const { State } = await vendor('iam:GenerateCredentialReport', iam.send(new GenerateCredentialReportCommand({})));
    if (State === 'COMPLETE') return fresh(await get());
    await wait(pollMs, undefined, { signal: session.signal });
  }
  return undefined;
}

/** A user's access keys; undefined when there is no such user. */
export async function keysOf(session: AwsSession, UserName: string): Promise<AccessKeyMetadata[] | undefined> {
  const keys: AccessKeyMetadata[] = [];
  let gone = false;
  await allPages(
    async (Marker) =>
      absentAs(
        'iam:ListAccessKeys',
        clientsOf(session).iam.send(new ListAccessKeysCommand({ UserName, Marker })),
        { AccessKeyMetadata: undefined, IsTruncated: false, Marker: undefined },
        'NoSuchEntityException',
      ),
    (page) => {
      if (page.AccessKeyMetadata) keys.push(...page.AccessKeyMetadata);
      else gone = true;
    },
  );
  return gone ? undefined : keys;
}

export async function hasLoginProfile(session: AwsSession, UserName: string): Promise<boolean> {
  const profile = await absentAs(
    'iam:GetLoginProfile',
    clientsOf(session).iam.send(new GetLoginProfileCommand({ UserName })),
    undefined,
    'NoSuchEntityException',
  );
  return profile?.LoginProfile !== undefined;
}

/** One user's ways to sign in as of now: three calls. */
export async function signInOf(
  session: AwsSession,
  user: { UserName: string; PasswordLastUsed?: Date },
): Promise<SignIn> {
  const { iam } = clientsOf(session);
  const { UserName } = user;
  const [keys, console, mfa] = await Promise.all([
    keysOf(session, UserName),
    hasLoginProfile(session, UserName),
    absentAs(
      'iam:ListMFADevices',
      iam.send(new ListMFADevicesCommand({ UserName })),
      undefined,
      'NoSuchEntityException',
    ),
  ]);
  return {
    console,
    keys: keys?.length ?? 0,
    activeKeys: keys?.filter(({ Status }) => Status === 'Active').length ?? 0,
    mfa: (mfa?.MFADevices?.length ?? 0) > 0,
    lastLoginAt: user.PasswordLastUsed,
  };
}

import {
  DeleteLoginProfileCommand,
  DeleteUserPolicyCommand,
  GetUserPolicyCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import type { ActionTarget } from '../actions.ts';
import type { Action } from '../connector.ts';
import type { Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { clientsOf } from './clients.ts';
import { hasLoginProfile, keysOf } from './credential-report.ts';
import { userOf } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import { refuseLastAdministrator, refuseSelf } from './guard.ts';
import { parseDocument, statementsOf } from './policies.ts';
import type { AwsSession, AwsSettings } from './settings.ts';

type Target = ActionTarget<'suspendUser'>;

export const suspendPolicy = 'CastellanSuspended';
export const sessionsPolicy = 'CastellanRevokedSessions';

const touches = (userId: string, keys: readonly { id: string }[] = []): Ref[] => [
  { kind: 'accounts', vendorId: userId },
  ...keys.map(({ id }): Ref => ({ kind: 'appPermissions', vendorId: id, part: 'keys' })),
];

async function inlinePolicy(session: AwsSession, UserName: string, PolicyName: string): Promise<string | null> {
  const found = await absentAs(
    'iam:GetUserPolicy',
    clientsOf(session).iam.send(new GetUserPolicyCommand({ UserName, PolicyName })),
    undefined,
    'NoSuchEntityException',
  );
  const document = parseDocument(found?.PolicyDocument);
  return document === undefined ? null : JSON.stringify(document);
}
async function putPolicy(session: AwsSession, UserName: string, PolicyName: string, PolicyDocument: string | null) {
  const { iam } = clientsOf(session);
  if (PolicyDocument !== null)
    return void (await vendor(
      'iam:PutUserPolicy',
      iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument })),
    ));
  await absentAs(
    'iam:DeleteUserPolicy',
    iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName })),
    undefined,
    'NoSuchEntityException',
  );
}
export async function setKey(
  session: AwsSession,
  UserName: string,
  AccessKeyId: string,
  Status: 'Active' | 'Inactive',
) {
  await vendor(
    'iam:UpdateAccessKey',
    clientsOf(session).iam.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status })),
  );
}

export type UserState = {
  userId: string;
  userName: string;
  /** Whether there is a console password. */
  console: boolean;
  keys: { id: string; status: string }[];
  /** The document of our deny policy; null when there is none. */
  policy: string | null;
};

async function readState(session: AwsSession, accountId: string): Promise<UserState> {
  const { UserName: userName, UserId: userId } = await userOf(session, accountId);
  const [keys, console, policy] = await Promise.all([
    keysOf(session, userName),
    hasLoginProfile(session, userName),
    inlinePolicy(session, userName, suspendPolicy),
  ]);
  if (!keys) throw new Failure('notFound', `there is no IAM user ${userName} any more`, { who: 'operator' });
  return {
    userId,
    userName,
    console,
    keys: keys
      .map(({ AccessKeyId = '', Status = '' }) => ({ id: AccessKeyId, status: Status }))
      .sort((a, b) => a.id.localeCompare(b.id)),
    policy,
  };
}

const sidOf = (keys: readonly string[]) => ['CastellanSuspended', ...keys].join('x');

/** Denies everything, and remembers in its Sid which keys were switched off with it: an unsuspend needs no other memory. */
const denyAll = (keys: readonly string[]) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Sid: sidOf(keys), Effect: 'Deny', Action: '*', Resource: '*' }],
  });
export function keysOfPolicy(policy: string | null): string[] {
  const sid = statementsOf(parseDocument(policy ?? undefined))[0]?.sid ?? '';
  return sid.startsWith('CastellanSuspended') ? sid.split('x').slice(1) : [];
}
const active = (state: UserState) => state.keys.filter(({ status }) => status === 'Active').map(({ id }) => id);
const isSuspended = (state: UserState) => state.policy !== null && active(state).length === 0 && !state.console;

async function suspend(session: AwsSession, before: UserState): Promise<void> {
  const { userName } = before;
  // Denied first: whatever fails after this, the user can do nothing any more.
  await putPolicy(
    session,
    userName,
    suspendPolicy,
    denyAll([...new Set([...keysOfPolicy(before.policy), ...active(before)])]),
  );
  for (const id of active(before)) await setKey(session, userName, id, 'Inactive');
  if (before.console)
    await absentAs(
      'iam:DeleteLoginProfile',
      clientsOf(session).iam.send(new DeleteLoginProfileCommand({ UserName: userName })),
      undefined,
      'NoSuchEntityException',
    );
}

export const suspendUser: Action<Target, UserState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { accountId }) {
    const began = session.calls();
    const state = await readState(session, accountId);
    const reading = session.calls() - began;
    await refuseSelf(session, state.userId);
    if (!isSuspended(state)) await refuseLastAdministrator(session, state.userName);
    const keys = active(state);
    return {
      state,
      plan: [
        `Put the inline policy ${suspendPolicy} on ${state.userName}: it denies everything, also in open sessions.`,
        ...keys.map((id) => `Set access key ${id} to Inactive.`),
        ...(state.console ? [`Delete the console password of ${state.userName}.`] : []),
      ],
      irreversible: state.console
        ? [`The console password of ${state.userName} is lost: afterwards an administrator must set a new one.`]
        : [],
      calls: 1 + keys.length + (state.console ? 1 : 0) + reading,
      done: isSuspended(state),
      losesAccess: isSuspended(state)
        ? []
        : [{ who: state.userName, how: 'may do nothing in AWS: by console, by session, by access key' }],
      principal: state.userId,
      touches: touches(state.userId, state.keys),
    };
  },
  async apply(session, { accountId }, before) {
    await suspend(session, before);
    return { after: await readState(session, accountId) };
  },
  async undo(session, _target, before, after) {
    // The keys first: the policy still denies while they come back.
    for (const id of active(before))
      if (after.keys.some((key) => key.id === id && key.status === 'Inactive'))
        await setKey(session, before.userName, id, 'Active');
    await putPolicy(session, before.userName, suspendPolicy, before.policy);
  },
  verified: (_before, after) => isSuspended(after),
};

export const unsuspendUser: Action<Target, UserState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { accountId }) {
    const began = session.calls();
    const state = await readState(session, accountId);
    const reading = session.calls() - began;
    await refuseSelf(session, state.userId);
    const keys = keysOfPolicy(state.policy);
    return {
      state,
      plan: [
        ...keys.map((id) => `Set access key ${id} to Active: it was switched off by the suspension.`),
        `Delete the inline policy ${suspendPolicy} of ${state.userName}.`,
      ],
      irreversible: state.console ? [] : ['A deleted console password does not come back: set a new one in IAM.'],
      calls: keys.length + 1 + reading,
      // Only a suspension that Castellan made can be taken back by it; without its policy there is none.
      done: state.policy === null,
      principal: state.userId,
      touches: touches(state.userId, state.keys),
    };
  },
  async apply(session, { accountId }, before) {
    for (const id of keysOfPolicy(before.policy))
      if (before.keys.some((key) => key.id === id)) await setKey(session, before.userName, id, 'Active');
    await putPolicy(session, before.userName, suspendPolicy, null);
    return { after: await readState(session, accountId) };
  },
  async undo(session, _target, before) {
    await putPolicy(session, before.userName, suspendPolicy, before.policy);
    for (const { id, status } of before.keys)
      if (status === 'Inactive') await setKey(session, before.userName, id, 'Inactive');
  },
  verified: (before, after) =>
    after.policy === null &&
    keysOfPolicy(before.policy).every((id) => after.keys.every((key) => key.id !== id || key.status === 'Active')),
};

export type SessionsState = {
  userId: string;
  userName: string;
  policy: string | null;
};
async function readSessions(session: AwsSession, accountId: string): Promise<SessionsState> {
  const { UserName: userName, UserId: userId } = await userOf(session, accountId);
  return { userId, userName, policy: await inlinePolicy(session, userName, sessionsPolicy) };
}

export const revokeSessions: Action<Target, SessionsState, AwsSettings> = {
  // A second time only moves the moment forward.
  repeat: 'harmless',
  async read(session, { accountId }) {
    const began = session.calls();
    const state = await readSessions(session, accountId);
    const reading = session.calls() - began;
    await refuseSelf(session, state.userId);
    return {
      state,
      plan: [
        `Put the inline policy ${sessionsPolicy} on ${state.userName}: it denies everything to sessions begun before now.`,
      ],
      irreversible: ['Long-term access keys carry no session and keep working: deactivate them, or suspend the user.'],
      calls: 1 + reading,
      losesAccess: [{ who: state.userName, how: 'sessions begun before now end' }],
      principal: state.userId,
      touches: touches(state.userId),
    };
  },
  async apply(session, { accountId }, before) {
    await putPolicy(
      session,
      before.userName,
      sessionsPolicy,
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Deny',
            Action: '*',
            Resource: '*',
            Condition: { DateLessThan: { 'aws:TokenIssueTime': session.now().toISOString() } },
          },
        ],
      }),
    );
    return { after: await readSessions(session, accountId) };
  },
  undo: (session, _target, before) => putPolicy(session, before.userName, sessionsPolicy, before.policy),
  verified: (before, after) => after.policy !== null && after.policy !== before.policy,
};

import { pick, seededUuid } from '../kit/seeded.ts';
import { groupTarget, makeEvent, tokenTarget, userTarget } from './log-event.ts';
import type { EventParts, Target } from './log-event.ts';
import { SYSTEM } from './principal.ts';
import type { Actor } from './principal.ts';
import type { App, OktaState, User } from './state.ts';
import { RETENTION_MS } from './system-log-store.ts';
import type { LogEvent } from './system-log-store.ts';

type Kind = {
  type: string;
  message: string;
  weight: number;
  target: 'self' | 'user' | 'group' | 'app' | 'none' | 'token';
  result?: string;
  reason?: string;
  severity?: string;
  system?: boolean;
};

const KINDS: readonly Kind[] = [
  { type: 'user.session.start', message: 'User login to Okta', weight: 30, target: 'none' },
  {
    type: 'user.session.start',
    message: 'User login to Okta',
    weight: 5,
    target: 'none',
    result: 'FAILURE',
    reason: 'INVALID_CREDENTIALS',
    severity: 'WARN',
  },
  { type: 'user.session.end', message: 'User logout from Okta', weight: 10, target: 'none' },
  { type: 'user.authentication.sso', message: 'User single sign on to app', weight: 20, target: 'app' },
  { type: 'user.authentication.auth_via_mfa', message: 'Authentication of user via MFA', weight: 10, target: 'self' },
  {
    type: 'policy.evaluate_sign_on',
    message: 'Evaluation of sign-on policy',
    weight: 8,
    target: 'none',
    result: 'ALLOW',
    reason: 'Sign-on policy evaluation resulted in ALLOW',
  },
  { type: 'user.session.access_admin_app', message: 'User accessing Okta admin app', weight: 2, target: 'none' },
  { type: 'user.account.privilege.grant', message: 'Grant user privilege', weight: 1, target: 'user' },
  { type: 'user.account.update_profile', message: 'Update user profile for Okta', weight: 3, target: 'user' },
  {
    type: 'user.account.lock',
    message: 'Max sign in attempts exceeded',
    weight: 1,
    target: 'self',
    result: 'FAILURE',
    reason: 'LOCKED_OUT',
    severity: 'WARN',
  },
  { type: 'user.lifecycle.create', message: 'Create Okta user', weight: 1, target: 'user' },
  { type: 'user.lifecycle.activate', message: 'Activate Okta user', weight: 1, target: 'user' },
  { type: 'user.lifecycle.suspend', message: 'Suspend Okta user', weight: 1, target: 'user' },
  { type: 'group.user_membership.add', message: 'Add user to group membership', weight: 3, target: 'group' },
  { type: 'group.user_membership.remove', message: 'Remove user from group membership', weight: 1, target: 'group' },
  { type: 'application.user_membership.add', message: 'Add user to application membership', weight: 2, target: 'app' },
  { type: 'app.oauth2.as.consent.grant', message: 'Grant user consent to an app', weight: 2, target: 'app' },
  { type: 'app.oauth2.token.grant.refresh_token', message: 'OIDC refresh token is granted', weight: 2, target: 'app' },
  { type: 'system.api_token.create', message: 'Create API token', weight: 1, target: 'token' },
  {
    type: 'security.threat.detected',
    message: 'Request from suspicious actor',
    weight: 1,
    target: 'none',
    result: 'DENY',
    reason: 'Password Spray',
    severity: 'WARN',
    system: true,
  },
  {
    type: 'system.org.rate_limit.warning',
    message: 'Rate limit warning',
    weight: 1,
    target: 'none',
    severity: 'WARN',
    system: true,
  },
];
const WEIGHTED: readonly Kind[] = KINDS.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));

const actorOf = (user: User): Actor => ({ ...userTarget(user), type: 'User' });
const appTarget = (app: App): Target => ({
  id: app.id,
  type: 'AppInstance',
  alternateId: app.label,
  displayName: app.label,
});

interface Due {
  publishedAt: number;
  event: LogEvent;
}

/** Events over the last days, every kind among them, and the given ones; persisted in the order of `published`. */
export function fillLog(
  state: OktaState,
  count: number,
  days: number,
  samples: readonly Record<string, unknown>[],
  keepTimes: boolean,
): void {
  const now = state.now();
  const span = days * 86_400_000;
  const people = state.users.rows.filter((user) => user.status !== 'STAGED' && user.status !== 'PROVISIONED');
  const due: Due[] = [];
  for (let number = 0; number < count; number++) {
    const kind = number < KINDS.length ? (KINDS[number] as Kind) : pick(state.random, WEIGHTED);
    const publishedAt = now - span + Math.floor((span * (number + state.random())) / count);
    const whole = makeEvent(madeUp(state, kind, people)) as Omit<LogEvent, 'uuid' | 'published'>;
    const event = { uuid: seededUuid(state.random), published: state.iso(publishedAt), ...whole } as LogEvent;
    due.push({ publishedAt, event });
  }
  const seen = new Set<string>();
  samples.forEach((sample, index) => {
    const fallback = now - span + Math.floor((span * (index + 0.5)) / samples.length);
    due.push(asPersisted(state, sample, fallback, seen, keepTimes));
  });
  due.sort((a, b) => a.publishedAt - b.publishedAt);
  for (const { event, publishedAt } of due) state.log.seed({ event, publishedAt }, Math.max(publishedAt, now - span));
}

function madeUp(state: OktaState, kind: Kind, people: readonly User[]): EventParts {
  const user = pick(state.random, people);
  const other = pick(state.random, people);
  const app = state.apps.size > 0 ? pick(state.random, state.apps.rows) : undefined;
  const group = pick(state.random, state.groups.rows);
  const token = pick(state.random, state.apiTokens.rows);
  const targets: Record<Kind['target'], Target[] | undefined> = {
    none: undefined,
    self: [userTarget(user)],
    user: [userTarget(other)],
    group: [userTarget(other), groupTarget(group)],
    app: app ? [appTarget(app), userTarget(user)] : [userTarget(user)],
    token: [tokenTarget(token)],
  };
  return {
    eventType: kind.type,
    displayMessage: kind.message,
    severity: kind.severity,
    actor: kind.system ? SYSTEM : actorOf(user),
    targets: targets[kind.target],
    outcome: { result: kind.result ?? 'SUCCESS', reason: kind.reason ?? null },
    ip: `198.51.100.${1 + Math.floor(state.random() * 250)}`,
    transactionId: `tx${state.seq()}`,
  };
}

/**
 * An event of others as the vendor would hand it out: a `uuid` where there is none or it was given out already, and a
 * `published` inside the retention time as ISO text. Everything else stays as it came.
 */
function asPersisted(
  state: OktaState,
  sample: Record<string, unknown>,
  fallback: number,
  seen: Set<string>,
  keepTimes: boolean,
): Due {
  let { uuid } = sample;
  if (typeof uuid !== 'string' || seen.has(uuid)) uuid = seededUuid(state.random);
  seen.add(uuid as string);
  const given = typeof sample.published === 'string' ? Date.parse(sample.published) : NaN;
  const readable = keepTimes ? !Number.isNaN(given) : given > state.now() - RETENTION_MS;
  const publishedAt = readable ? given : fallback;
  const published = readable && keepTimes ? (sample.published as string) : state.iso(publishedAt);
  return { publishedAt, event: { ...sample, uuid, published } as LogEvent };
}

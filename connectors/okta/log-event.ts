import { createHash } from 'node:crypto';
import { address, compact, emailAddress, having, ocsfEvent, text, timeOf, type OcsfClass } from '../kit/ocsf.ts';
import type { ActivityRecord } from '../records.ts';
import { classOf } from './event-classes.ts';

type Row = Record<string, unknown>;

export interface EventContext {
  receivedAt: Date;
  ownUserAgent: string;
  ownClientId?: string;
}

const row = (value: unknown): Row =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Row) : {};
const rows = (value: unknown): Row[] =>
  Array.isArray(value) ? value.map(row).filter((item) => Object.keys(item).length > 0) : [];

/** A System Log row as a record. Null only for what is no row at all. */
export function activityOf(raw: unknown, context: EventContext): ActivityRecord | null {
  const event = row(raw);
  if (Object.keys(event).length === 0) return null;
  const uuid = text(event.uuid)?.slice(0, 200);
  return {
    kind: 'activities',
    // A row without an id is known again by its content.
    vendorId: uuid ?? `sha256:${createHash('sha256').update(JSON.stringify(event)).digest('hex')}`,
    receivedAt: context.receivedAt,
    source: 'system-log',
    event: eventOf(event, context),
    raw,
  };
}

const severities: Record<string, 1 | 3 | 4> = { DEBUG: 1, INFO: 1, WARN: 3, ERROR: 4 };
const outcomes: Record<string, 'success' | 'failure'> = {
  SUCCESS: 'success',
  ALLOW: 'success',
  FAILURE: 'failure',
  DENY: 'failure',
  RATE_LIMIT: 'failure',
};

function eventOf(event: Row, context: EventContext): ActivityRecord['event'] {
  const type = text(event.eventType) ?? 'unknown';
  const outcome = row(event.outcome);
  const result = text(outcome.result) ?? text(event.result);
  const client = row(event.client);
  const userAgent = text(row(client.userAgent).rawUserAgent) ?? text(event.userAgent);
  const published = timeOf(event.published);
  const parts = partsOf(event, userAgent);
  const { ocsfClass, activity, attributes } = chosenClass(type, event, parts);
  const known = classOf(type).known;
  const status = result === undefined ? 'unknown' : (outcomes[result.toUpperCase()] ?? 'other');
  return ocsfEvent({
    class: ocsfClass,
    activity,
    activityName: type,
    time: published ?? context.receivedAt.getTime(),
    severity: severities[text(event.severity)?.toUpperCase() ?? ''] ?? 1,
    status,
    statusName: result,
    product: { name: 'Okta', vendor: 'Okta' },
    metadata: {
      uid: text(event.uuid),
      event_code: type,
      log_name: 'System Log',
      log_version: text(event.version),
      logged_time: context.receivedAt.getTime(),
      original_time: text(event.published),
      correlation_uid: text(row(event.transaction).id),
    },
    self: isOwn(event, userAgent, context),
    unknown: !known,
    attributes: {
      ...attributes,
      message: text(event.displayMessage),
      status_detail: text(outcome.reason),
      src_endpoint: parts.source,
      http_request: parts.request,
    },
    unmapped: unmappedOf(event),
  });
}

const isOwn = (event: Row, userAgent: string | undefined, context: EventContext) =>
  userAgent === context.ownUserAgent ||
  (context.ownClientId !== undefined && text(row(event.actor).id) === context.ownClientId);

interface Parts {
  /** Who did it. */
  user?: object;
  actor: object;
  source?: object;
  request?: object;
}

function partsOf(event: Row, userAgent: string | undefined): Parts {
  const actor = row(event.actor);
  const user = userOf({
    id: actor.id ?? event.actorId,
    alternateId: actor.alternateId ?? event.actorId,
    displayName: actor.displayName ?? event.actorName,
    type: actor.type,
  });
  const session = text(row(event.authenticationContext).externalSessionId);
  const client = row(event.client);
  const debug = row(row(event.debugContext).debugData);
  const path = text(debug.requestUri);
  return {
    user,
    actor: {
      user,
      session: session === undefined || session === 'unknown' ? undefined : { uid: session },
      app_name: user === undefined ? 'Okta' : undefined,
    },
    source: sourceOf(event, client),
    request: {
      user_agent: userAgent,
      uid: text(debug.requestId),
      url: path === undefined ? undefined : { path },
    },
  };
}

function userOf(entity: Row): object | undefined {
  const uid = text(entity.id);
  const name = text(entity.alternateId);
  const kind = text(entity.type);
  return having(
    {
      uid,
      name: name === 'unknown' ? undefined : name,
      display_name: text(entity.displayName),
      email_addr: emailAddress(name),
      type: kind,
      type_id: kind === undefined ? undefined : kind === 'User' ? 1 : kind === 'SystemPrincipal' ? 3 : 99,
    },
    'uid',
    'name',
  );
}

function sourceOf(event: Row, client: Row): object | undefined {
  const place = row(client.geographicalContext);
  const point = row(place.geolocation);
  const security = row(event.securityContext);
  const asNumber = Number(security.asNumber);
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
  const zone = text(client.zone);
  return having(
    {
      ip: address(client.ipAddress) ?? address(event.sourceIP),
      domain: text(security.domain),
      isp: text(security.isp),
      type: text(client.device),
      zone: zone === 'null' ? undefined : zone,
      location: having(
        {
          city: text(place.city),
          region: text(place.state),
          country: text(place.country),
          postal_code: text(place.postalCode),
          lat: number(point.lat),
          long: number(point.lon),
        },
        'city',
        'region',
        'country',
        'postal_code',
      ),
      autonomous_system: having(
        {
          number: Number.isInteger(asNumber) && asNumber > 0 ? asNumber : undefined,
          name: text(security.asOrg),
        },
        'number',
        'name',
      ),
      intermediate_ips: rows(row(event.request).ipChain)
        .slice(1)
        .map(({ ip }) => address(ip)),
    },
    'ip',
    'domain',
  );
}

interface Chosen {
  ocsfClass: OcsfClass;
  activity: number;
  attributes: Row;
}

/** The class by the event's type, if the row has what that class cannot be without; else API Activity. */
function chosenClass(type: string, event: Row, parts: Parts): Chosen {
  const targets = rows(event.target);
  const first = (...types: string[]) => targets.find((target) => types.includes(text(target.type) ?? ''));
  const targetUser = first('User') ? userOf(first('User')!) : undefined;
  const { ocsfClass, activity } = classOf(type);
  const make = (attributes: Row): Chosen => ({ ocsfClass, activity, attributes });
  const app = first('AppInstance');

  if (ocsfClass === 'authentication') {
    const user = parts.user ?? targetUser;
    const service = { name: text(app?.displayName) ?? 'Okta', uid: text(app?.id) };
    const session = row(parts.actor).session;
    if (user) return make({ user, service, session, actor: parts.actor, is_mfa: /mfa/.test(type) || undefined });
  } else if (ocsfClass === 'accountChange') {
    const user = targetUser ?? parts.user;
    if (user) return make({ user, actor: parts.actor });
  } else if (ocsfClass === 'userAccess') {
    const user = targetUser ?? parts.user;
    const privileges = privilegesOf(type, event, targets, app);
    if (user && privileges.length > 0)
      return make({
        user,
        privileges,
        actor: parts.actor,
        resource:
          app && having({ name: text(app.displayName), uid: text(app.id), type: text(app.type) }, 'name', 'uid'),
      });
  } else if (ocsfClass === 'groupManagement') {
    const target = first('UserGroup');
    const group = target && having({ name: text(target.displayName), uid: text(target.id) }, 'name', 'uid');
    const privileges = /privilege/.test(type) ? privilegesOf(type, event, targets, app) : undefined;
    if (group) return make({ group, user: targetUser, privileges, actor: parts.actor });
  } else if (ocsfClass === 'entityManagement') {
    const target = targets.find(({ type: kind }) => text(kind) !== 'User') ?? targets[0];
    const entity =
      target &&
      having(
        { name: text(target.displayName) ?? text(target.alternateId), uid: text(target.id), type: text(target.type) },
        'name',
        'uid',
      );
    if (entity) return make({ entity, actor: parts.actor });
  }
  parts.source ??= { svc_name: 'Okta' };
  return {
    ocsfClass: 'apiActivity',
    activity: classOf(type).apiActivity,
    attributes: {
      actor: parts.actor,
      api: { operation: type, service: { name: 'Okta' } },
      resources: targets.map((target) =>
        having(
          { name: text(target.displayName) ?? text(target.alternateId), uid: text(target.id), type: text(target.type) },
          'name',
          'uid',
        ),
      ),
    },
  };
}

/** Names of what was given or taken: a role, a scope, an app. */
function privilegesOf(type: string, event: Row, targets: Row[], app: Row | undefined): string[] {
  const debug = row(row(event.debugContext).debugData);
  const listed = text(debug.privilegeGranted) ?? text(debug.privilegeRevoked);
  if (listed)
    return listed
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
  const scopes = text(debug.scopes) ?? text(debug.grantedScopes);
  if (/consent/.test(type) && scopes) return scopes.split(/[\s,]+/).filter(Boolean);
  const roles = targets.filter((target) => /role|scope|privilege/i.test(text(target.type) ?? ''));
  const names = roles.map(({ displayName }) => text(displayName)).filter((name) => name !== undefined);
  if (names.length > 0) return names;
  const fallback = text(app?.displayName) ?? text(event.displayMessage);
  return fallback === undefined ? [] : [fallback];
}

const mappedWhole = ['uuid', 'eventType', 'displayMessage', 'severity', 'version'];

/** What has no place in OCSF, as Okta wrote it, without its nulls. */
function unmappedOf(event: Row): Row {
  const rest: Row = { ...event };
  for (const name of mappedWhole) delete rest[name];
  if (timeOf(event.published) !== undefined) delete rest.published;
  const client = { ...row(event.client) };
  delete client.ipAddress;
  delete client.geographicalContext;
  if (event.client !== undefined) rest.client = Object.keys(row(event.client)).length > 0 ? client : event.client;
  return (compact(rest) ?? {}) as Row;
}

import { createHash } from 'node:crypto';
import { address, compact, emailAddress, having, ocsfEvent, text, timeOf, type OcsfClass } from '../kit/ocsf.ts';
import type { ActivityRecord } from '../records.ts';
import { apiActivityOf, classOf } from './event-classes.ts';
import { detailsOf, groupOf, itemOf, rowOf, userOf, type EventItem, type Row } from './event-source.ts';

export interface EventContext {
  receivedAt: Date;
  source: 'admin-logs' | 'admin-logs-streaming';
  /** The service account, and the app as events name it. */
  ownUserId?: string;
  ownClientId?: string;
}

/** What open links show as the user. */
const anonymousId = '2';

/** An enterprise event as a record. Null only for what is no event at all. */
export function activityOf(raw: unknown, context: EventContext): ActivityRecord | null {
  const event = rowOf(raw);
  if (Object.keys(event).length === 0) return null;
  const id = text(event.event_id)?.slice(0, 200);
  return {
    kind: 'activities',
    // One without an id is known again by its content.
    vendorId: id ?? `sha256:${createHash('sha256').update(JSON.stringify(event)).digest('hex')}`,
    receivedAt: context.receivedAt,
    source: context.source,
    event: eventOf(event, context),
    raw,
  };
}

function personOf(value: unknown): object | undefined {
  const user = rowOf(value);
  const uid = text(user.id);
  const login = text(user.login);
  const anonymous = uid === anonymousId && login === undefined;
  return having(
    {
      uid,
      name: login ?? (anonymous ? 'anonymous' : text(user.name)),
      display_name: text(user.name),
      email_addr: emailAddress(login),
      type_id: uid === undefined ? undefined : anonymous ? 99 : 1,
      type: anonymous ? 'Anonymous' : undefined,
    },
    'uid',
    'name',
  );
}

interface Parts {
  type: string;
  details: Row;
  doer?: object;
  actor: object;
  source: object;
  item?: EventItem;
}

function eventOf(event: Row, context: EventContext): ActivityRecord['event'] {
  const type = text(event.event_type) ?? 'unknown';
  const details = detailsOf(event);
  const doer = personOf(event.created_by);
  const session = text(event.session_id);
  const service = text(details.service_name);
  const parts: Parts = {
    type,
    details,
    doer,
    item: itemOf(event),
    actor: {
      user: doer,
      session: session === undefined ? undefined : { uid: session },
      app_name: service ?? (doer === undefined ? 'Box' : undefined),
      app_uid: text(details.service_id),
    },
    source: having({ ip: address(event.ip_address) }, 'ip') ?? { svc_name: 'Box' },
  };
  const { ocsfClass, activity, attributes } = chosenClass(event, parts);
  const failed = /FAILED|_BLOCKED$|DENIED/.test(type);
  return ocsfEvent({
    class: ocsfClass,
    activity,
    activityName: type,
    // Late events have an early `created_at`: when it happened, not when Box wrote it down.
    time: timeOf(event.created_at) ?? context.receivedAt.getTime(),
    severity: severityOf(type, details),
    status: failed ? 'failure' : 'success',
    product: { name: 'Box', vendor: 'Box' },
    metadata: {
      uid: text(event.event_id),
      event_code: type,
      log_name: context.source,
      logged_time: timeOf(event.recorded_at) ?? context.receivedAt.getTime(),
      original_time: text(event.created_at),
    },
    self: isOwn(event, details, context),
    attributes: { ...attributes, src_endpoint: parts.source },
    unmapped: unmappedOf(event, details),
  });
}

/** By the service account, or by our app as anybody. */
export const isOwn = (event: Row, details: Row, context: EventContext): boolean =>
  (context.ownUserId !== undefined && text(rowOf(event.created_by).id) === context.ownUserId) ||
  (context.ownClientId !== undefined && text(details.service_id) === context.ownClientId);

function severityOf(type: string, details: Row): 1 | 3 | 4 | 5 {
  const score = rowOf(details.shield_alert).risk_score;
  if (typeof score === 'number') return score >= 90 ? 5 : score >= 70 ? 4 : 3;
  if (type === 'FILE_MARKED_MALICIOUS') return 4;
  return /^(SHIELD_|FAILED_LOGIN|DEVICE_TRUST_CHECK_FAILED|CONTENT_WORKFLOW_)/.test(type) ? 3 : 1;
}

interface Chosen {
  ocsfClass: OcsfClass;
  activity: number;
  attributes: Row;
}

/** The class by the event's type, if the event has what that class cannot be without; else API Activity. */
function chosenClass(event: Row, parts: Parts): Chosen {
  const { type, details, actor, item } = parts;
  const { ocsfClass, activity } = classOf(type);
  const make = (attributes: Row): Chosen => ({ ocsfClass, activity, attributes });
  const target = personOf(userOf(event));
  const resource = item && having({ name: item.name, uid: item.id, type: item.type }, 'name', 'uid');

  if (ocsfClass === 'authentication') {
    const user = target ?? parts.doer;
    const service = { name: text(details.service_name) ?? 'Box', uid: text(details.service_id) };
    if (user) return make({ user, service, actor });
  } else if (ocsfClass === 'accountChange') {
    const user = target ?? parts.doer;
    if (user) return make({ user, actor });
  } else if (ocsfClass === 'userAccess') {
    const user = target ?? parts.doer;
    const privilege = text(details.role) ?? text(details.new_role) ?? text(details.access) ?? type;
    if (user) return make({ user, actor, privileges: [privilege], resource });
  } else if (ocsfClass === 'groupManagement') {
    const named = groupOf(event);
    const group = named && having({ name: named.name, uid: named.id }, 'name', 'uid');
    if (group) return make({ group, user: target, actor, resource });
  } else if (ocsfClass === 'fileHosting') {
    const file = item && fileOf(item, details);
    if (file) return make({ file, actor, ...shareOf(event, parts, activity) });
  }
  return {
    ocsfClass: 'apiActivity',
    activity: apiActivityOf(type),
    attributes: {
      actor,
      api: { operation: type, service: { name: 'Box' } },
      resources: [resource, target && having({ ...asResource(target) }, 'name', 'uid')],
    },
  };
}

const asResource = (user: object): { name?: string; uid?: string; type: string } => {
  const { name, uid } = user as { name?: string; uid?: string };
  return { name, uid, type: 'user' };
};

function fileOf(item: EventItem, details: Row): object | undefined {
  const name = item.name ?? item.id;
  if (name === undefined) return undefined;
  const size = details.size;
  return {
    name,
    uid: item.id,
    // 1 a regular file, 2 a folder.
    type_id: item.type === 'file' ? 1 : item.type === 'folder' ? 2 : 99,
    type: item.type === 'web_link' ? 'Web link' : undefined,
    owner: personOf(item.owner),
    parent_folder: text(item.parent?.name),
    size: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    version: text(details.version_id),
  };
}

/** With whom it was shared, and as what. */
function shareOf(event: Row, { details, item }: Parts, activity: number): Row {
  if (activity !== 12 && activity !== 13) return {};
  const whom = userOf(event);
  const group = groupOf(event);
  const to = text(whom?.login) ?? text(whom?.name) ?? group?.name ?? text(details.shared_link_access);
  return having({ share: to === undefined ? undefined : `${item?.name ?? item?.id ?? ''} → ${to}` }, 'share') ?? {};
}

const mappedWhole = ['type', 'event_id', 'event_type', 'session_id', 'recorded_at', 'additional_details'];

/** What has no place in OCSF, as Box wrote it, without its nulls. */
function unmappedOf(event: Row, details: Row): Row {
  const rest: Row = { ...event, additional_details: details };
  for (const name of mappedWhole) if (name !== 'additional_details') delete rest[name];
  if (timeOf(event.created_at) !== undefined) delete rest.created_at;
  if (address(event.ip_address) !== undefined) delete rest.ip_address;
  return (compact(rest) ?? {}) as Row;
}

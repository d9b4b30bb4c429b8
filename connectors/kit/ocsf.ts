import { isIP } from 'node:net';
import type { ActivityRecord } from '../records.ts';

/** OCSF 1.8: the classes that connectors map to, with the numbers and captions of their activities. */
const classes = {
  accountChange: {
    uid: 3001,
    name: 'Account Change',
    category: 3,
    activities: {
      1: 'Create',
      2: 'Enable',
      3: 'Password Change',
      4: 'Password Reset',
      5: 'Disable',
      6: 'Delete',
      7: 'Attach Policy',
      8: 'Detach Policy',
      9: 'Lock',
      10: 'MFA Factor Enable',
      11: 'MFA Factor Disable',
      12: 'Unlock',
    },
  },
  authentication: {
    uid: 3002,
    name: 'Authentication',
    category: 3,
    activities: {
      1: 'Logon',
      2: 'Logoff',
      3: 'Authentication Ticket',
      4: 'Service Ticket Request',
      5: 'Service Ticket Renew',
      6: 'Preauth',
      7: 'Account Switch',
    },
  },
  entityManagement: {
    uid: 3004,
    name: 'Entity Management',
    category: 3,
    activities: {
      1: 'Create',
      2: 'Read',
      3: 'Update',
      4: 'Delete',
      5: 'Move',
      6: 'Enroll',
      7: 'Unenroll',
      8: 'Enable',
      9: 'Disable',
      10: 'Activate',
      11: 'Deactivate',
      12: 'Suspend',
      13: 'Resume',
    },
  },
  userAccess: {
    uid: 3005,
    name: 'User Access Management',
    category: 3,
    activities: { 1: 'Assign Privileges', 2: 'Revoke Privileges' },
  },
  groupManagement: {
    uid: 3006,
    name: 'Group Management',
    category: 3,
    activities: {
      1: 'Assign Privileges',
      2: 'Revoke Privileges',
      3: 'Add User',
      4: 'Remove User',
      5: 'Delete',
      6: 'Create',
      7: 'Add Subgroup',
      8: 'Remove Subgroup',
    },
  },
  apiActivity: {
    uid: 6003,
    name: 'API Activity',
    category: 6,
    activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' },
  },
  fileHosting: {
    uid: 6006,
    name: 'File Hosting Activity',
    category: 6,
    activities: {
      1: 'Upload',
      2: 'Download',
      3: 'Update',
      4: 'Delete',
      5: 'Rename',
      6: 'Copy',
      7: 'Move',
      8: 'Restore',
      9: 'Preview',
      10: 'Lock',
      11: 'Unlock',
      12: 'Share',
      13: 'Unshare',
      14: 'Open',
      15: 'Sync',
      16: 'Unsync',
    },
  },
} as const;
export type OcsfClass = keyof typeof classes;

const categories: Record<number, string> = { 3: 'Identity & Access Management', 6: 'Application Activity' };
const severities = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical', 'Fatal'] as const;
const statuses = { success: 1, failure: 2, unknown: 0, other: 99 } as const;

export interface OcsfInput {
  class: OcsfClass;
  /** The number of the activity in its class; 0 unknown, 99 other (then `activityName` names it). */
  activity: number;
  activityName?: string;
  /** Milliseconds. */
  time: number;
  /** 0 unknown, 1 informational ... 6 fatal. */
  severity: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  status?: keyof typeof statuses;
  /** The vendor's own word for the status, for `other`. */
  statusName?: string;
  product: { name: string; vendor: string };
  /** `uid`, `event_code`, `log_name`, `logged_time`, `correlation_uid`, ... */
  metadata?: Record<string, unknown>;
  /** Whether Castellan's own credential did it. */
  self?: boolean;
  /** No mapping knows this type of event: it is labelled and counted. By default an API Activity of kind "other". */
  unknown?: boolean;
  /** The attributes of the class. Absent values (undefined, null, '', {}, []) are left out at any depth. */
  attributes: Record<string, unknown>;
  unmapped?: Record<string, unknown>;
}

export const selfLabel = 'castellan-self';
export const unknownLabel = 'castellan-unknown-event';

/** One event of OCSF 1.8, complete and without a null. The attributes are the caller's matter; tests validate them. */
export function ocsfEvent(input: OcsfInput): ActivityRecord['event'] {
  const definition = classes[input.class];
  const known = (definition.activities as Record<number, string>)[input.activity];
  const activity = known || input.activity === 0 ? input.activity : 99;
  const activityName = known ?? input.activityName ?? (activity === 0 ? 'Unknown' : 'Other');
  const status = input.status ?? 'unknown';
  const unknown = input.unknown ?? (input.class === 'apiActivity' && activity === 99);
  const labels = [...(input.self ? [selfLabel] : []), ...(unknown ? [unknownLabel] : [])];
  return {
    ...(compact(input.attributes) as object | undefined),
    class_uid: definition.uid,
    class_name: definition.name,
    category_uid: definition.category,
    category_name: categories[definition.category],
    activity_id: activity,
    activity_name: activityName,
    type_uid: definition.uid * 100 + activity,
    type_name: `${definition.name}: ${activityName}`,
    time: Math.trunc(input.time),
    severity_id: input.severity,
    severity: severities[input.severity],
    status_id: statuses[status],
    status: status === 'other' ? (input.statusName ?? 'Other') : status[0]!.toUpperCase() + status.slice(1),
    metadata: {
      ...(compact(input.metadata ?? {}) as object | undefined),
      version: '1.8.0',
      product: { name: input.product.name, vendor_name: input.product.vendor },
      ...(labels.length > 0 ? { labels } : {}),
    },
    ...optional('unmapped', input.unmapped),
  };
}

const optional = (name: string, value: unknown) => {
  const kept = compact(value);
  return kept === undefined ? {} : { [name]: kept };
};

/** `value` without absent members at any depth; undefined when nothing is left. */
export function compact(value: unknown): unknown {
  if (value === undefined || value === null || value === '') return undefined;
  if (Array.isArray(value)) {
    const kept = value.map(compact).filter((item) => item !== undefined);
    return kept.length > 0 ? kept : undefined;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'object') return value;
  const kept = Object.entries(value)
    .map(([key, item]) => [key, compact(item)] as const)
    .filter(([, item]) => item !== undefined);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

/** A text that is one; vendors put numbers, objects and nulls where texts belong. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return undefined;
}

/** A literal address, or undefined: names of services and masks stand in such members too. */
export function address(value: unknown): string | undefined {
  const ip = text(value)?.trim();
  return ip && isIP(ip) && !ip.includes('%') && ip.length <= 40 ? ip : undefined;
}

/** The schema's own pattern for an e-mail address. */
const emailPattern = /^[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+$/;
export function emailAddress(value: unknown): string | undefined {
  const email = text(value);
  return email && emailPattern.test(email) ? email : undefined;
}

/** Milliseconds of whatever a vendor calls a time: ISO in all its spellings, epoch seconds or milliseconds. */
export function timeOf(value: unknown): number | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.getTime();
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? whole(value) : undefined;
  if (typeof value !== 'string') return undefined;
  // "2022-03-22 14:21:53.225000000": a blank for the T, no zone (it is UTC), more digits than a Date reads.
  const spelled = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?$/i.exec(value.trim());
  const iso = spelled
    ? `${spelled[1]}T${spelled[2]}${(spelled[3] ?? '').slice(0, 4)}${spelled[4]?.toUpperCase() ?? 'Z'}`
    : value;
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? undefined : ms;
}
const whole = (value: number) => Math.trunc(value < 100_000_000_000 ? value * 1000 : value);

/** `value` when any of the named members is there, which many OCSF objects need; else undefined. */
export function having<T extends object>(value: T, ...members: (keyof T)[]): T | undefined {
  return members.some((member) => compact(value[member]) !== undefined) ? value : undefined;
}

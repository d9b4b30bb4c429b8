import { accountStatuses, appPermissionStatuses, sharings, type RecordKind } from '../connectors/records.ts';

/** What a list of records may be filtered by. `choice` is a text of which the allowed ones are known. */
export interface RecordFilter {
  /** Where it is in the stored record. */
  path: string;
  type: 'text' | 'number' | 'boolean' | 'date' | 'choice';
  choices?: readonly string[];
  /** A date that is stored as milliseconds since 1970. */
  millis?: boolean;
}

const text = (path: string): RecordFilter => ({ path, type: 'text' });
const number = (path: string): RecordFilter => ({ path, type: 'number' });
const boolean = (path: string): RecordFilter => ({ path, type: 'boolean' });
const date = (path: string): RecordFilter => ({ path, type: 'date' });
const choice = (path: string, choices: readonly string[]): RecordFilter => ({ path, type: 'choice', choices });

const ofAll = { vendorId: text('vendorId'), part: text('part'), observedAt: date('observedAt') };

/** By kind, by the name that the API and `RecordQuery.where` use. Dates and numbers take ranges too. */
export const recordFilters: Readonly<Record<RecordKind, Readonly<Record<string, RecordFilter>>>> = {
  accounts: {
    ...ofAll,
    login: text('login'),
    email: text('email'),
    displayName: text('displayName'),
    type: choice('type', ['person', 'service', 'root', 'unknown']),
    status: choice('status', accountStatuses),
    vendorStatus: text('vendorStatus'),
    mfa: boolean('mfa'),
    credentialSource: text('credentialSource'),
    createdAt: date('createdAt'),
    changedAt: date('changedAt'),
    lastLoginAt: date('lastLoginAt'),
    passwordChangedAt: date('passwordChangedAt'),
  },
  groups: {
    ...ofAll,
    name: text('name'),
    type: choice('type', ['normal', 'managed', 'everyone']),
    createdAt: date('createdAt'),
    changedAt: date('changedAt'),
    membersChangedAt: date('membersChangedAt'),
  },
  memberships: { ...ofAll, groupId: text('groupId'), accountId: text('accountId') },
  privileges: {
    ...ofAll,
    holderKind: choice('holderKind', ['accounts', 'groups', 'roles']),
    holderId: text('holderId'),
    name: text('name'),
    admin: boolean('admin'),
    origin: choice('origin', ['direct', 'group', 'inline', 'attached']),
    scope: text('scope'),
    groupId: text('groupId'),
    createdAt: date('createdAt'),
  },
  appPermissions: {
    ...ofAll,
    accountId: text('accountId'),
    appId: text('appId'),
    appName: text('appName'),
    type: choice('type', ['grant', 'refreshToken', 'accessKey', 'apiToken', 'trust']),
    status: choice('status', appPermissionStatuses),
    scope: text('scopes'),
    issuedAt: date('issuedAt'),
    lastUsedAt: date('lastUsedAt'),
    expiresAt: date('expiresAt'),
  },
  activities: {
    ...ofAll,
    source: text('source'),
    classUid: number('event.class_uid'),
    className: text('event.class_name'),
    typeUid: number('event.type_uid'),
    eventCode: text('event.metadata.event_code'),
    label: text('event.metadata.labels'),
    receivedAt: date('receivedAt'),
    time: { path: 'event.time', type: 'date', millis: true },
  },
  files: {
    ...ofAll,
    name: text('name'),
    path: text('path'),
    type: choice('type', ['file', 'folder']),
    parentId: text('parentId'),
    ancestor: text('ancestors'),
    ownerId: text('ownerId'),
    mediaType: text('mediaType'),
    size: number('size'),
    sharing: choice('sharing', sharings),
    sha256: text('content.sha256'),
    trueMediaType: text('content.mediaType'),
    contentSkipped: text('content.skipped'),
    ownSharing: choice('ownSharing', sharings),
    sharedVia: text('sharedVia'),
    trashed: boolean('trashed'),
    createdAt: date('createdAt'),
    modifiedAt: date('modifiedAt'),
  },
};

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { address, having, ocsfEvent, text, timeOf, type OcsfClass } from '../kit/ocsf.ts';
import type { ActivityRecord } from '../records.ts';
import type { AwsSession } from './settings.ts';

/** A CloudTrail record. Nothing in it is certain: trimmed ones and ones with other types come too. */
export const eventSchema = z.record(z.string(), z.unknown());
export type TrailEvent = z.infer<typeof eventSchema>;

export const member = (value: unknown, ...path: string[]): unknown => {
  let at = value;
  for (const name of path) {
    if (at === null || typeof at !== 'object') return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
};
const param = (event: TrailEvent, name: string) => text(member(event, 'requestParameters', name));

interface Mapping {
  class: OcsfClass;
  activity: number;
  activityName?: string;
  attributes: Record<string, unknown>;
}

/** Who called. The principal id of an IAM user is the id of its account record, that of root the account's number. */
function actorUser(event: TrailEvent) {
  const identity = event.userIdentity;
  const type = text(member(identity, 'type'));
  const arn = text(member(identity, 'arn'));
  const issuer = text(member(identity, 'sessionContext', 'sessionIssuer', 'userName'));
  const account = text(member(identity, 'accountId'));
  const typeIds: Record<string, number> = { IAMUser: 1, Root: 2, AWSService: 3 };
  return having(
    {
      name: text(member(identity, 'userName')) ?? issuer ?? (type === 'Root' ? 'root' : arn?.split(/[/:]/).at(-1)),
      uid: text(member(identity, 'principalId')) ?? arn,
      uid_alt: arn,
      type,
      type_id: type === undefined ? 0 : (typeIds[type] ?? 99),
      credential_uid: text(member(identity, 'accessKeyId')),
      account: account && { uid: account, type: 'AWS Account', type_id: 10 },
    },
    'name',
    'uid',
    'account',
  );
}

function actorOf(event: TrailEvent) {
  const identity = event.userIdentity;
  const context = member(identity, 'sessionContext');
  const mfa = member(context, 'attributes', 'mfaAuthenticated');
  const actor = having(
    {
      user: actorUser(event),
      invoked_by: text(member(identity, 'invokedBy')),
      session: having(
        {
          created_time: timeOf(member(context, 'attributes', 'creationDate')),
          issuer: text(member(context, 'sessionIssuer', 'arn')),
          is_mfa: mfa === undefined ? undefined : String(mfa) === 'true',
        },
        'created_time',
        'issuer',
        'is_mfa',
      ),
    },
    'user',
    'invoked_by',
    'session',
  );
  return actor ?? { app_name: text(event.eventSource) ?? 'AWS' };
}

/** The caller's address; AWS's own services stand there by name, and a masked address is no address. */
function sourceOf(event: TrailEvent) {
  const source = text(event.sourceIPAddress);
  const ip = address(source);
  const uid = text(event.vpcEndpointId);
  if (ip) return { ip, uid };
  if (source === undefined) return uid ? { uid } : { name: 'Unknown' };
  return /\.amazonaws\.com(\.cn)?$|^AWS Internal$/.test(source) ? { svc_name: source, uid } : { name: source, uid };
}

function namedUser(event: TrailEvent, name: string) {
  return {
    name,
    uid: text(member(event, 'responseElements', 'user', 'userId')),
    account: accountOf(event),
    type_id: 1,
  };
}
function accountOf(event: TrailEvent) {
  const uid = text(event.recipientAccountId) ?? text(member(event, 'userIdentity', 'accountId'));
  return uid && { uid, type: 'AWS Account', type_id: 10 };
}

const accountActivities: Record<string, [number, string?]> = {
  CreateUser: [1],
  DeleteUser: [6],
  UpdateUser: [99, 'Update'],
  CreateLoginProfile: [2],
  DeleteLoginProfile: [5],
  UpdateLoginProfile: [4],
  ChangePassword: [3],
  EnableMFADevice: [10],
  DeactivateMFADevice: [11],
  CreateAccessKey: [99, 'Create Access Key'],
  UpdateAccessKey: [99, 'Update Access Key'],
  DeleteAccessKey: [99, 'Delete Access Key'],
};
const groupActivities: Record<string, number> = {
  CreateGroup: 6,
  DeleteGroup: 5,
  AddUserToGroup: 3,
  RemoveUserFromGroup: 4,
  AttachGroupPolicy: 1,
  PutGroupPolicy: 1,
  DetachGroupPolicy: 2,
  DeleteGroupPolicy: 2,
};
const accessActivities: Record<string, 1 | 2> = {
  AttachUserPolicy: 1,
  PutUserPolicy: 1,
  DetachUserPolicy: 2,
  DeleteUserPolicy: 2,
  AttachRolePolicy: 1,
  PutRolePolicy: 1,
  DetachRolePolicy: 2,
  DeleteRolePolicy: 2,
};
const fileActivities: Record<string, number> = {
  PutObject: 1,
  CompleteMultipartUpload: 1,
  GetObject: 2,
  CopyObject: 6,
  DeleteObject: 4,
  RestoreObject: 8,
  PutObjectAcl: 12,
};

function iamMapping(event: TrailEvent, name: string): Mapping | undefined {
  const userName = param(event, 'userName');
  const account = accountActivities[name];
  // Without a name these act on the caller.
  const self = ['ChangePassword', 'CreateAccessKey', 'UpdateAccessKey', 'DeleteAccessKey'].includes(name);
  const user = userName ? namedUser(event, userName) : self ? actorUser(event) : undefined;
  if (account && user)
    return { class: 'accountChange', activity: account[0], activityName: account[1], attributes: { user } };
  const privilege = param(event, 'policyArn') ?? param(event, 'policyName');
  const group = param(event, 'groupName');
  if (groupActivities[name] && group)
    return {
      class: 'groupManagement',
      activity: groupActivities[name],
      attributes: {
        group: { name: group, uid: text(member(event, 'responseElements', 'group', 'groupId')) },
        user: userName && namedUser(event, userName),
        privileges: privilege && [privilege],
      },
    };
  const role = param(event, 'roleName');
  const holder = user ?? (role && { name: role, type: 'Role', type_id: 99, account: accountOf(event) });
  if (accessActivities[name] && holder && privilege)
    return {
      class: 'userAccess',
      activity: accessActivities[name],
      attributes: { user: holder, privileges: [privilege] },
    };
  return undefined;
}

function signInMapping(event: TrailEvent, name: string): Mapping | undefined {
  const activities: Record<string, number> = { ConsoleLogin: 1, SwitchRole: 7, Logout: 2 };
  const user = actorUser(event);
  if (!activities[name] || !user) return undefined;
  const mfa = text(member(event, 'additionalEventData', 'MFAUsed'));
  return {
    class: 'authentication',
    activity: activities[name],
    attributes: {
      user,
      service: { name: text(event.eventSource) ?? 'signin.amazonaws.com' },
      is_mfa: mfa === undefined ? undefined : mfa === 'Yes',
      is_remote: true,
      dst_endpoint: having({ hostname: text(member(event, 'tlsDetails', 'clientProvidedHostHeader')) }, 'hostname'),
    },
  };
}

function fileMapping(event: TrailEvent, name: string): Mapping | undefined {
  const bucket = param(event, 'bucketName');
  const key = param(event, 'key');
  const activity = fileActivities[name];
  if (!activity || !bucket || !key) return undefined;
  return {
    class: 'fileHosting',
    activity,
    attributes: {
      file: {
        name: /([^/]+)\/*$/.exec(key)?.[1] ?? key,
        path: `/${bucket}/${key}`,
        uid: `${bucket}/${key}`,
        type_id: 1,
      },
    },
  };
}

function callMapping(event: TrailEvent, name: string): Mapping {
  const activity =
    event.readOnly === true ||
    event.readOnly === 'true' ||
    /^(Get|List|Describe|Head|Lookup|BatchGet|Search)/.test(name)
      ? 2
      : /^(Create|Run|Add|Register|Import|Allocate)/.test(name)
        ? 1
        : /^(Delete|Remove|Terminate|Deregister|Release)/.test(name)
          ? 4
          : /^(Update|Put|Modify|Set|Attach|Detach|Associate|Change|Enable|Disable|Start|Stop|Authorize|Revoke)/.test(
                name,
              )
            ? 3
            : 99;
  const resources = Array.isArray(event.resources) ? event.resources : [];
  return {
    class: 'apiActivity',
    activity,
    activityName: name,
    attributes: {
      api: {
        operation: name,
        version: text(event.apiVersion),
        service: having({ name: text(event.eventSource) }, 'name'),
        request: having({ uid: text(event.requestID) }, 'uid'),
        response: having(
          { error: text(event.errorCode), error_message: text(event.errorMessage) },
          'error',
          'error_message',
        ),
      },
      dst_endpoint: having({ hostname: text(member(event, 'tlsDetails', 'clientProvidedHostHeader')) }, 'hostname'),
      resources: resources.map((resource) =>
        having(
          {
            uid: text(member(resource, 'ARN')) ?? text(member(resource, 'ARNPrefix')),
            type: text(member(resource, 'type')),
          },
          'uid',
        ),
      ),
    },
  };
}

function statusOf(event: TrailEvent): 'success' | 'failure' {
  if (event.errorCode !== undefined && event.errorCode !== null) return 'failure';
  const login = text(member(event, 'responseElements', 'ConsoleLogin'));
  if (login === 'Failure' || text(member(event, 'responseElements', 'SwitchRole')) === 'Failure') return 'failure';
  return 'success';
}

// These stand in the event itself; whatever else a record says goes to `unmapped`.
const mapped = new Set([
  'eventID',
  'eventTime',
  'eventName',
  'sourceIPAddress',
  'userAgent',
  'errorCode',
  'errorMessage',
]);

/** Ours: made with the key of this connection, or by the role that it assumes, under our session name. */
function isSelf(event: TrailEvent, session: AwsSession): boolean {
  const { roleArn } = session.settings;
  if (!roleArn) return member(event, 'userIdentity', 'accessKeyId') === session.identity.accessKeyId;
  return (
    member(event, 'userIdentity', 'sessionContext', 'sessionIssuer', 'arn') === roleArn &&
    text(member(event, 'userIdentity', 'arn'))?.endsWith('/castellan') === true
  );
}

/** A CloudTrail record as it is kept: OCSF 1.8 beside the record itself. What has no class of its own is API Activity. */
export function activityRecordOf(event: TrailEvent, source: string, session: AwsSession): ActivityRecord {
  const name = text(event.eventName) ?? 'Unknown';
  const service = text(event.eventSource) ?? '';
  const receivedAt = session.now();
  const mapping =
    (service.startsWith('iam.') && iamMapping(event, name)) ||
    (service.startsWith('signin.') && signInMapping(event, name)) ||
    (service.startsWith('s3.') && fileMapping(event, name)) ||
    callMapping(event, name);
  const vendorId =
    text(event.eventID)?.slice(0, 1024) ?? `sha256:${createHash('sha256').update(JSON.stringify(event)).digest('hex')}`;
  const status = statusOf(event);
  return {
    kind: 'activities',
    vendorId,
    receivedAt,
    source,
    raw: event,
    event: ocsfEvent({
      class: mapping.class,
      activity: mapping.activity,
      activityName: mapping.activityName,
      time: timeOf(event.eventTime) ?? receivedAt.getTime(),
      severity: status === 'failure' ? 2 : 1,
      status,
      product: { name: 'CloudTrail', vendor: 'AWS' },
      metadata: {
        uid: vendorId,
        event_code: name,
        log_name: 'CloudTrail',
        log_provider: service,
        log_version: text(event.eventVersion),
        tenant_uid: text(event.recipientAccountId),
        correlation_uid: text(event.sharedEventID),
        original_time: text(event.eventTime),
      },
      self: isSelf(event, session),
      attributes: {
        actor: actorOf(event),
        src_endpoint: sourceOf(event),
        http_request: having({ user_agent: text(event.userAgent) }, 'user_agent'),
        status_code: text(event.errorCode),
        status_detail: text(event.errorMessage),
        ...mapping.attributes,
      },
      unmapped: Object.fromEntries(Object.entries(event).filter(([key]) => !mapped.has(key))),
    }),
  };
}

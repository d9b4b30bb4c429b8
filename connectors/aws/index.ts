import type { Origins } from '../authorization.ts';
import type { Call } from '../call.ts';
import type { Charge } from '../quota.ts';
import { defineConnector } from '../define.ts';
import { quarantineFile } from './action-quarantine.ts';
import { removePublicAccess } from './action-public-access.ts';
import { removeFromGroup, removePrivilege } from './actions-access.ts';
import { overwriteFile, restoreFile, trashFile } from './actions-file.ts';
import { revokeAppPermission } from './actions-permission.ts';
import { revokeSessions, suspendUser, unsuspendUser } from './actions-user.ts';
import { activitiesStage } from './activities.ts';
import { classify } from './errors.ts';
import { usersStage } from './identities.ts';
import { filesStage } from './objects.ts';
import { permissionsStage } from './permissions.ts';
import { scopeHeader } from './request-handler.ts';
import { awsCredential, awsSettings, partitionOf, services, type AwsSettings } from './settings.ts';
import { authorize, challenged } from './sign.ts';
import { verify } from './verify.ts';

function origins(settings: AwsSettings): Origins {
  const own = [settings.baseUrl, ...Object.values(settings.endpoints ?? {})].flatMap((address) =>
    address === undefined ? [] : [new URL(address).origin],
  );
  // With one address for everything nothing of the vendor's own is called.
  if (settings.baseUrl) return { api: [...new Set(own)] };
  const suffix = partitionOf(settings) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  const named = services.filter((service) => !settings.endpoints?.[service]);
  return {
    api: [
      ...new Set(own),
      ...named.flatMap((service) => [`https://${service}.${suffix}`, `https://${service}.*.${suffix}`]),
      ...(named.includes('iam') ? [`https://iam.us-gov.${suffix}`] : []),
      ...(named.includes('s3') ? [`https://*.s3-control.*.${suffix}`] : []),
    ],
  };
}

/**
 * No service of AWS says how much is left, and only CloudTrail publishes its limits; the figures of the others are where
 * learning starts. A window of ten seconds allows a rate of less than one call a second to be kept exactly.
 */
function quotas(call: Call, tenant: { settings: AwsSettings; tenantId?: string; identity: Record<string, string> }) {
  const account = tenant.tenantId ?? tenant.identity.accessKeyId ?? 'unknown';
  const [service = '', command = ''] = call.operation.split(':');
  const region = call.headers?.[scopeHeader]?.split('/')[0] ?? 'global';
  const charge = (bucket: string, perSecond: number, more: Partial<Charge> = {}): Charge[] => [
    { bucket: `aws/${account}/${bucket}`, kind: 'rate', limit: perSecond * 10, windowMs: 10_000, ...more },
  ];
  const share = tenant.settings.quotaShare;
  if (command === 'LookupEvents') return charge(`${region}/lookup-events`, 2, { share });
  if (service === 'cloudtrail') return charge(`${region}/cloudtrail`, 10, { share });
  if (service === 'iam') return charge('iam', 20, { learn: true });
  if (service === 'sts') return charge('sts', 20, { learn: true });
  if (service === 'sqs') return charge(`${region}/sqs`, 50, { learn: true });
  return charge(`${region}/s3`, 500, { learn: true });
}

export const aws = defineConnector({
  id: 'aws',
  title: 'AWS',
  settings: awsSettings,
  credential: awsCredential,
  label: (settings) =>
    settings.accountLabel ??
    (settings.roleArn ? /::(\d{12}):/.exec(settings.roleArn)![1]! : settings.regions.join(' ')),
  origins,
  identity: (credential) => ({ form: 'accessKey', accessKeyId: credential.accessKeyId }),
  quotas,
  authorize,
  challenged,
  classify,
  verify,
  stages: { users: usersStage, permissions: permissionsStage, activities: activitiesStage, files: filesStage },
  actions: {
    suspendUser,
    unsuspendUser,
    revokeSessions,
    removeFromGroup,
    removePrivilege,
    revokeAppPermission,
    removePublicAccess,
    quarantineFile,
    trashFile,
    restoreFile,
    overwriteFile,
  },
  absent: {
    content: 'not there yet: S3 objects are listed with their sizes and ETags, and not read',
    push: 'not needed: S3 notifications come through SQS, which is followed as changes of the files',
    removeCollaborator: 'not applicable: who reaches an S3 object is said by policies, not by a list of people',
    removeExternalAccess: 'not applicable: a bucket policy speaks of many objects at once and is changed as a whole',
    restrictLink: 'not applicable: an S3 link lets in whoever has it, until it ends',
    removeLink: 'not applicable: an S3 link is a signature that nobody lists and only its key or time ends',
    makePrivate: "not offered: use removePublicAccess; what else opens an S3 object is its bucket's policy",
    requirePasswordReset: 'not offered: IAM only lets a new password be required where one is set at the same time',
  },
});

import type { Ref } from '../pages.ts';
import { text } from '../kit/ocsf.ts';
import { byName } from './directory.ts';
import { membershipId } from './identity-records.ts';
import { member, type TrailEvent } from './ocsf.ts';
import { trustId } from './permissions.ts';

/** What an audit row says has changed. Reads and failed calls changed nothing. */
export function touchedBy(event: TrailEvent): Ref[] {
  if (event.errorCode || event.readOnly === true || event.readOnly === 'true') return [];
  const name = text(event.eventName) ?? '';
  const service = text(event.eventSource) ?? '';
  const param = (key: string) => text(member(event, 'requestParameters', key));
  if (service.startsWith('s3.')) {
    const bucket = param('bucketName');
    const key = param('key');
    if (!bucket) return [];
    // A bucket that is gone is found by its absence; its objects by the next sweep of buckets.
    return [{ kind: 'files', vendorId: key ? `${bucket}/${key}` : bucket, part: bucket }];
  }
  if (!service.startsWith('iam.')) return [];
  const refs: Ref[] = [];
  const user = param('userName');
  const group = param('groupName');
  const role = param('roleName');
  const key = param('accessKeyId') ?? text(member(event, 'responseElements', 'accessKey', 'accessKeyId'));
  if (user) refs.push({ kind: 'accounts', vendorId: byName(user) });
  if (group) refs.push({ kind: 'groups', vendorId: byName(group) });
  if (user && group) refs.push({ kind: 'memberships', vendorId: membershipId(byName(group), byName(user)) });
  if (user && /UserPolicy$/.test(name)) {
    const arn = param('policyArn');
    const inline = param('policyName');
    if (arn) refs.push({ kind: 'privileges', vendorId: `${byName(user)}/attached/${arn}` });
    else if (inline) refs.push({ kind: 'privileges', vendorId: `${byName(user)}/inline/${inline}` });
  }
  if (key) refs.push({ kind: 'appPermissions', vendorId: key, part: 'keys' });
  if (role && /^(UpdateAssumeRolePolicy|CreateRole|DeleteRole)$/.test(name))
    refs.push({ kind: 'appPermissions', vendorId: trustId(role, '*'), part: 'trusts' });
  return refs;
}

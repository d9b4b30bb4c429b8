import type { Ref } from '../pages.ts';
import { compact, text } from '../kit/ocsf.ts';

type Row = Record<string, unknown>;
interface Target {
  id: string;
  type: string;
}

function targetsOf(row: Row): Target[] {
  const targets = Array.isArray(row.target) ? row.target : [];
  return targets.flatMap((target: unknown) => {
    const { id, type } = (compact(target) ?? {}) as Row;
    const [known, kind] = [text(id), text(type)];
    return known && kind && known.length <= 200 ? [{ id: known, type: kind }] : [];
  });
}

const account = (id: string): Ref => ({ kind: 'accounts', vendorId: id, part: 'accounts' });
const group = (id: string): Ref => ({ kind: 'groups', vendorId: id, part: 'groups' });
const privileges = (vendorId: string): Ref => ({ kind: 'privileges', vendorId, part: 'privileges' });
const permissions = (vendorId: string, part: string): Ref => ({ kind: 'appPermissions', vendorId, part });

/**
 * What a System Log row says has changed and must be looked at again. Sign-ins are not among it: they move only the
 * last login, and a busy org has more of them than Okta allows us calls.
 */
export function touchedBy(event: unknown): Ref[] {
  const row = (compact(event) ?? {}) as Row;
  const type = text(row.eventType) ?? '';
  const result = text((row.outcome as Row | undefined)?.result);
  if (result !== undefined && result !== 'SUCCESS' && result !== 'ALLOW') return [];
  const targets = targetsOf(row);
  const users = targets.filter((target) => target.type === 'User').map(({ id }) => id);
  const groups = targets.filter((target) => target.type === 'UserGroup').map(({ id }) => id);

  if (/^group\.user_membership\./.test(type))
    // The group tells when its members last changed, and its roles are its members'.
    return [
      ...groups.flatMap((g) => [
        group(g),
        ...users.map((u): Ref => ({ kind: 'memberships', vendorId: `${g}:${u}`, part: 'groups' })),
      ]),
      ...users.map((u) => privileges(`user:${u}`)),
    ];
  if (/^user\.account\.privilege\./.test(type)) return users.map((id) => privileges(`user:${id}`));
  if (/^group\.privilege\./.test(type)) return groups.map((id) => privileges(`group:${id}`));
  if (/^iam\.resourceset\.bindings\./.test(type))
    return [...users.map((id) => privileges(`user:${id}`)), ...groups.map((id) => privileges(`group:${id}`))];
  if (/^group\.(lifecycle|profile|account|application_assignment)\./.test(type)) return groups.map(group);
  if (/^user\.(lifecycle|account|mfa\.factor|credential)\./.test(type)) return users.map(account);
  if (/^app\.oauth2\.(as\.)?consent\./.test(type) || /^app\.oauth2\.(as\.)?token\.revoke/.test(type)) {
    const actor = (compact(row.actor) ?? {}) as Row;
    const own = text(actor.type) === 'User' ? text(actor.id) : undefined;
    const of = users.length > 0 ? users : own ? [own] : [];
    return of.map((id) => permissions(`user:${id}`, 'grants'));
  }
  if (/^system\.api_token\./.test(type))
    return targets
      .filter((target) => /token/i.test(target.type))
      .map(({ id }) => permissions(`apiToken:${id}`, 'apiTokens'));
  return [];
}

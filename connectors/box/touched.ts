import type { Ref } from '../pages.ts';
import { detailsOf, groupOf, idText, itemOf, rowOf, userOf } from './event-source.ts';
import { groupAdminId, membershipId } from './groups.ts';

export const itemRef = (type: string, id: string, owner?: string): Ref => ({
  kind: 'files',
  vendorId: `${type}:${id}`,
  ...(owner === undefined ? {} : { part: owner }),
});
const account = (id: string): Ref => ({ kind: 'accounts', vendorId: id, part: 'accounts' });

/** Reading changes nothing, and is most of what a busy enterprise does. */
const reading = /^(ITEM_)?(DOWNLOAD|PREVIEW|OPEN|SYNC|UNSYNC|CONTENT_ACCESS)$|^FILE_WATERMARKED_DOWNLOAD$/;

/** What an enterprise event, or the like of a webhook, says has changed and must be looked at again. */
export function touchedBy(raw: unknown): Ref[] {
  const event = rowOf(raw);
  const type = String(event.event_type ?? event.trigger ?? '').replace('.', '_');
  if (reading.test(type) || /^FILE_(DOWNLOADED|PREVIEWED)$|^FOLDER_DOWNLOADED$/.test(type)) return [];
  const user = idText(userOf(event)?.id);
  const group = groupOf(event)?.id;
  // What is shared with a group is told of the item.
  if (/^GROUP_(?!(ADD|REMOVE)_ITEM$)/.test(type)) {
    if (group === undefined) return [];
    if (user === undefined || /^GROUP_(CREATION|DELETION|EDITED)$/.test(type))
      return [{ kind: 'groups', vendorId: group, part: 'groups' }];
    return [
      { kind: 'memberships', vendorId: membershipId(group, user), part: 'groups' },
      { kind: 'privileges', vendorId: groupAdminId(group, user), part: 'groups' },
    ];
  }
  if (/^(NEW_USER|EDIT_USER|DELETE_USER|CHANGE_ADMIN_ROLE|(EN|DIS)ABLE_(MULTI|TWO)_FACTOR_AUTH)$/.test(type))
    return user === undefined
      ? []
      : [account(user), { kind: 'privileges', vendorId: `role:${user}`, part: 'accounts' }];
  if (/^(ADD|REMOVE)_DEVICE_ASSOCIATION$/.test(type)) {
    const pin = idText(detailsOf(event).device_pinner_id);
    return pin === undefined ? [] : [{ kind: 'appPermissions', vendorId: pin, part: '' }];
  }
  const item = itemOf(event);
  if (!item?.id || item.id === '0') return [];
  return [itemRef(item.type, item.id, idText(item.owner?.id))];
}

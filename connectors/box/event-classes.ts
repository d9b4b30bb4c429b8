import type { OcsfClass } from '../kit/ocsf.ts';

/**
 * By the guide "Get Enterprise Events", whose list is not exhaustive, and both of its families of names. The first that
 * matches; 99 is "other", and keeps the type as the activity's name.
 */
const families: readonly (readonly [RegExp, OcsfClass, number])[] = [
  [/^(LOGIN|ADMIN_LOGIN|FAILED_LOGIN)$/, 'authentication', 1],
  [/^(LOGOUT|SESSION_TERMINAT\w*|TERMINATE_SESSIONS?\w*|USER_SESSION\w*)$/, 'authentication', 2],
  [/^(DEVICE_TRUST_CHECK_FAILED|(ADD|REMOVE)_LOGIN_ACTIVITY_DEVICE)$/, 'authentication', 99],
  [/^USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE$/, 'authentication', 3],
  [/^OAUTH2_(ACCESS|REFRESH)_TOKEN_REVOKE$/, 'authentication', 99],

  [/^NEW_USER$/, 'accountChange', 1],
  [/^DELETE_USER$/, 'accountChange', 6],
  [/^ENABLE_(MULTI_FACTOR|TWO_FACTOR)_AUTH$/, 'accountChange', 10],
  [/^DISABLE_(MULTI_FACTOR|TWO_FACTOR)_AUTH$/, 'accountChange', 11],
  [/^(PASSWORD_RESET\w*|RESET_PASSWORD\w*)$/, 'accountChange', 4],
  [/^(CHANGE_PASSWORD|PASSWORD_CHANGE\w*)$/, 'accountChange', 3],
  [/^(EDIT_USER|EMAIL_ALIAS_\w+|(ADD|REMOVE)_DEVICE_ASSOCIATION)$/, 'accountChange', 99],

  [/^CHANGE_ADMIN_ROLE$/, 'userAccess', 1],
  [/^ACCESS_GRANTED$/, 'userAccess', 1],
  [/^ACCESS_REVOKED$/, 'userAccess', 2],

  [/^GROUP_ADD_USER$/, 'groupManagement', 3],
  [/^GROUP_REMOVE_USER$/, 'groupManagement', 4],
  [/^GROUP_DELETION$/, 'groupManagement', 5],
  [/^GROUP_CREATION$/, 'groupManagement', 6],
  [/^GROUP_(ADMIN_CREATED|ADD_ITEM)$/, 'groupManagement', 1],
  [/^GROUP_(ADMIN_DELETED|REMOVE_ITEM)$/, 'groupManagement', 2],
  [/^GROUP_/, 'groupManagement', 99],

  [/^(ITEM_)?(UPLOAD|CREATE)$/, 'fileHosting', 1],
  [/^(ITEM_|FILE_WATERMARKED_)?DOWNLOAD$/, 'fileHosting', 2],
  [/^(EDIT|ITEM_MODIFY|ITEM_MAKE_CURRENT_VERSION|FILE_VERSION_RESTORE)$/, 'fileHosting', 3],
  [/^(DELETE|ITEM_TRASH)$/, 'fileHosting', 4],
  [/^(ITEM_)?RENAME$/, 'fileHosting', 5],
  [/^(ITEM_)?COPY$/, 'fileHosting', 6],
  [/^(ITEM_)?MOVE$/, 'fileHosting', 7],
  [/^(UNDELETE|ITEM_UNDELETE_VIA_TRASH)$/, 'fileHosting', 8],
  [/^(ITEM_)?PREVIEW$/, 'fileHosting', 9],
  [/^(ITEM_)?LOCK(_CREATE)?$/, 'fileHosting', 10],
  [/^(ITEM_)?(UNLOCK|LOCK_DESTROY)$/, 'fileHosting', 11],
  [/^(SHARE|ITEM_SHARED|ITEM_SHARED_CREATE|ITEM_SHARED_UPDATE|SHARED_LINK_\w+)$/, 'fileHosting', 12],
  [/^COLLAB(ORATION)?_(INVITE|ACCEPT|ADD|ADD_COLLABORATOR|INVITE_COLLABORATOR)$/, 'fileHosting', 12],
  [/^(COLLAB(ORATION)?_ROLE_CHANGE|CHANGE_FOLDER_PERMISSION)$/, 'fileHosting', 12],
  [/^(UNSHARE|ITEM_SHARED_UNSHARE|COLLAB(ORATION)?_(REMOVE|REMOVE_COLLABORATOR|EXPIRATION))$/, 'fileHosting', 13],
  [/^(ITEM_)?(OPEN|CONTENT_ACCESS)$/, 'fileHosting', 14],
  [/^(ITEM_)?SYNC$/, 'fileHosting', 15],
  [/^(ITEM_)?UNSYNC$/, 'fileHosting', 16],
  [/^(FILE_MARKED_MALICIOUS|ITEM_\w+|STORAGE_EXPIRATION|SET_AUTO_DELETE)$/, 'fileHosting', 99],
];

const verbs: readonly (readonly [RegExp, number])[] = [
  [/(^|_)(CREATE|CREATED|ADD|ADDED|NEW|CREATION)(_|$)/, 1],
  [/(^|_)(READ|VIEW|ACCESS|PREVIEW|DOWNLOAD|REQUEST)(_|$)/, 2],
  [/(^|_)(UPDATE|UPDATED|EDIT|CHANGE|SETTINGS|MODIFY)(_|$)/, 3],
  [/(^|_)(DELETE|DELETED|REMOVE|REVOKE|DESTROY|DELETION)(_|$)/, 4],
];

export function classOf(type: string): { ocsfClass: OcsfClass; activity: number } {
  const family = families.find(([pattern]) => pattern.test(type));
  if (family) return { ocsfClass: family[1], activity: family[2] };
  return { ocsfClass: 'apiActivity', activity: apiActivityOf(type) };
}
export const apiActivityOf = (type: string): number => verbs.find(([pattern]) => pattern.test(type))?.[1] ?? 99;

import { audience } from './access.ts';
import type { BoxEvent } from './event-log.ts';
import { pacific } from './pacific-time.ts';
import { itemSource } from './render-collab.ts';
import { userMini } from './render-user.ts';
import { renderItem, View } from './render-item.ts';
import type { Item, User } from './objects.ts';
import type { BoxState } from './state.ts';

/** Who does something: the acting user, and the application that it comes from, if any. */
export interface By {
  userId: string;
  app?: string;
  ip?: string;
}

export interface Happening {
  type: string;
  by: By;
  source: Record<string, unknown> | null;
  accessibleBy?: Record<string, unknown> | null;
  details?: Record<string, unknown> | null;
  at?: number;
}

export function makeEvent(state: BoxState, given: Happening): BoxEvent {
  const at = given.at ?? state.now();
  const service = given.by.app === undefined ? {} : { service_name: given.by.app };
  const details = given.details === null ? null : { ...service, ...given.details };
  return {
    type: 'event',
    event_id: state.uuid(),
    event_type: given.type,
    created_at: pacific(at),
    recorded_at: pacific(at),
    session_id: null,
    ip_address: given.by.ip ?? 'Unknown IP',
    action_by: null,
    created_by: userMini(state, given.by.userId),
    ...(given.accessibleBy === undefined ? {} : { accessible_by: given.accessibleBy }),
    source: given.source,
    additional_details: details && Object.keys(details).length === 0 ? null : details,
  };
}

/** Writes it into the enterprise's events. */
export function record(state: BoxState, given: Happening): BoxEvent {
  return state.events.append(makeEvent(state, given), given.at ?? state.now());
}

const USER_STREAM: Record<string, string> = {
  UPLOAD: 'ITEM_UPLOAD',
  EDIT: 'ITEM_UPLOAD',
  DELETE: 'ITEM_TRASH',
  UNDELETE: 'ITEM_UNDELETE_VIA_TRASH',
  MOVE: 'ITEM_MOVE',
  COPY: 'ITEM_COPY',
  RENAME: 'ITEM_RENAME',
  DOWNLOAD: 'ITEM_DOWNLOAD',
  SHARE: 'ITEM_SHARED_CREATE',
  UNSHARE: 'ITEM_SHARED_UNSHARE',
  ITEM_SHARED_UPDATE: 'ITEM_SHARED',
  LOCK: 'LOCK_CREATE',
  UNLOCK: 'LOCK_DESTROY',
  COLLABORATION_INVITE: 'COLLAB_ADD_COLLABORATOR',
  COLLABORATION_ACCEPT: 'COLLAB_ADD_COLLABORATOR',
  COLLABORATION_REMOVE: 'COLLAB_REMOVE_COLLABORATOR',
  COLLABORATION_ROLE_CHANGE: 'COLLAB_ROLE_CHANGE',
};
const TRIGGER: Record<string, string> = {
  UPLOAD: 'FILE.UPLOADED',
  EDIT: 'FILE.UPLOADED',
  DELETE: 'TRASHED',
  PERMANENT_DELETE: 'DELETED',
  UNDELETE: 'RESTORED',
  MOVE: 'MOVED',
  COPY: 'COPIED',
  RENAME: 'RENAMED',
  DOWNLOAD: 'DOWNLOADED',
  LOCK: 'FILE.LOCKED',
  UNLOCK: 'FILE.UNLOCKED',
  CREATE_FOLDER: 'FOLDER.CREATED',
  SHARE: 'SHARED_LINK.CREATED',
  UNSHARE: 'SHARED_LINK.DELETED',
  ITEM_SHARED_UPDATE: 'SHARED_LINK.UPDATED',
  COLLABORATION_INVITE: 'COLLABORATION.CREATED',
  COLLABORATION_ACCEPT: 'COLLABORATION.ACCEPTED',
  COLLABORATION_REMOVE: 'COLLABORATION.REMOVED',
  COLLABORATION_ROLE_CHANGE: 'COLLABORATION.UPDATED',
  UPDATE_COLLABORATION_EXPIRATION: 'COLLABORATION.UPDATED',
};

/** The words of the enterprise log where they differ from the name of what happened. */
const LOGGED: Record<string, string> = { PERMANENT_DELETE: 'DELETE', CREATE_FOLDER: 'UPLOAD' };

/** Something happened to an item: the enterprise's log, the streams of those who see it, and webhooks above it. */
export function recordItem(
  state: BoxState,
  given: Omit<Happening, 'source'> & { source?: Happening['source'] },
  item: Item,
): void {
  const type = LOGGED[given.type] ?? given.type;
  record(state, { ...given, type, source: given.source ?? itemSource(state, item) });
  const actor = state.user(given.by.userId);
  const full = renderItem(new View(state, actor ?? (state.users.rows[0] as User)), item);
  const personal = given.type === 'CREATE_FOLDER' ? 'ITEM_CREATE' : USER_STREAM[given.type];
  if (personal !== undefined) {
    const event = makeEvent(state, { ...given, type: personal, source: full });
    for (const userId of audience(state, item.id)) state.personal.append(userId, event);
  }
  const trigger = TRIGGER[given.type];
  if (trigger === undefined) return;
  const kind = item.type === 'folder' ? 'FOLDER' : 'FILE';
  state.onTrigger(trigger.includes('.') ? trigger : `${kind}.${trigger}`, item, full, given.by.userId);
}

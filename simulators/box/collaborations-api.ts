import { ancestors, collabsOn, holds, isLive, ownerOf, roleOf } from './access.ts';
import { invite, keyOf, makeOwner, removeCollab, updateCollab } from './changes-collabs.ts';
import { itemFor } from './find-item.ts';
import { markerPage, offsetPage } from './paging.ts';
import { COLLAB_FIELDS, renderCollab } from './render-collab.ts';
import { badRequest, conflict, denied, invalid, notFound } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import { checked, fieldsOf, momentOf, objectOf, oneOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { ROLES } from './objects.ts';
import type { Collab, User } from './objects.ts';

function listOn(call: Call, type: 'file' | 'folder', text: string | undefined): Answer {
  const { state } = call;
  const fields = fieldsOf(call, COLLAB_FIELDS);
  if (type === 'folder' && text === '0') throw notFound();
  const item = itemFor(call, type, text, 'see');
  const { inheritedCollaborations: which } = state.knobs;
  const above = which === 'all' || (which === 'files' && type === 'file') ? ancestors(state, item.id) : [];
  const rows = [item.id, ...above].flatMap((id) => collabsOn(state, id)).sort((a, b) => a.seq - b.seq);
  const body = markerPage(call, `collaborations ${item.id}`, rows, (one) =>
    renderCollab(state, call.user, one, fields),
  );
  return { status: 200, body };
}

/** A share that the caller takes part in or may manage; 404 to everybody else. */
function collabOf(call: Call): Collab {
  const { state, user } = call;
  const collab = state.collabs.get(call.params.collaboration_id as string);
  if (!collab) throw notFound();
  const mine = collab.grantee?.type === 'user' && collab.grantee.id === user.id;
  const seen = isLive(state, collab.item) && roleOf(state, user, collab.item) !== undefined;
  if (!mine && !seen) throw notFound();
  return collab;
}

const mayManage = (call: Call, collab: Collab): boolean =>
  holds(roleOf(call.state, call.user, collab.item), 'invite') && call.user.status === 'active';

function create(call: Call): Answer {
  const { state, user } = call;
  const body = checked(objectOf(call), {
    item: 'object',
    accessible_by: 'object',
    role: 'string',
    is_access_only: 'boolean',
    can_view_path: 'boolean',
    expires_at: 'string',
  });
  const place = (body.item ?? {}) as { type?: unknown; id?: unknown };
  const whom = (body.accessible_by ?? {}) as { type?: unknown; id?: unknown; login?: unknown };
  const item = itemFor(call, oneOf('item.type', place.type, ['file', 'folder']), String(place.id), 'invite');
  const role = oneOf('role', body.role, ROLES);
  const own = roleOf(state, user, item.id);
  if (!item.canNonOwnersInvite && !holds(own, 'own')) throw denied();
  if (role === 'co-owner' && !holds(own, 'own')) throw denied();
  const type = oneOf('accessible_by.type', whom.type, ['user', 'group']);
  let grantee: Collab['grantee'] = null;
  let email: string | undefined;
  let person: User | undefined;
  if (type === 'group') {
    if (!state.groups.has(String(whom.id))) throw notFound();
    grantee = { type, id: String(whom.id) };
  } else {
    const login = typeof whom.login === 'string' ? whom.login : undefined;
    person = whom.id !== undefined ? state.user(String(whom.id)) : state.userByLogin.get((login ?? '').toLowerCase());
    if (!person && (login === undefined || !/^[^@\s]+@[^@\s]+$/.test(login))) throw notFound();
    if (person) grantee = { type, id: person.id };
    else email = login;
  }
  if (grantee?.id === ownerOf(state, item.id).id) throw badRequest('User is the owner of the item', 'bad_request');
  const outside = type === 'user' && (!person || person.kind === 'external');
  if (outside && (item.restricted || user.externalCollabRestricted)) throw denied();
  const key = keyOf({ grantee, inviteEmail: email ?? null });
  if (collabsOn(state, item.id).some((one) => keyOf(one) === key)) {
    throw conflict('user_already_collaborator', 'User is already a collaborator');
  }
  const expiresAt = body.expires_at === undefined ? null : momentOf('expires_at', body.expires_at);
  if (expiresAt !== null && expiresAt <= state.now()) throw invalid('expires_at', 'must be in the future');
  const collab = invite(state, call.by, {
    item: item.id,
    grantee,
    inviteEmail: email,
    role,
    // People of the enterprise are in at once; somebody from outside has to accept.
    status: outside ? 'pending' : 'accepted',
    expiresAt,
    accessOnly: body.is_access_only === true,
    canViewPath: body.can_view_path === true,
  });
  return { status: 201, body: renderCollab(state, user, collab, fieldsOf(call, COLLAB_FIELDS)) };
}

function update(call: Call): Answer {
  const { state, user } = call;
  const collab = collabOf(call);
  const body = checked(objectOf(call), {
    role: 'string',
    status: 'string',
    expires_at: 'string?',
    can_view_path: 'boolean',
  });
  if ('status' in body) {
    const status = oneOf('status', body.status, ['pending', 'accepted', 'rejected']);
    if (collab.grantee?.id !== user.id || collab.status !== 'pending') throw denied();
    updateCollab(state, call.by, collab, { status });
    return { status: 200, body: renderCollab(state, user, collab) };
  }
  const own = roleOf(state, user, collab.item);
  if (!mayManage(call, collab)) throw denied();
  if (body.role === 'owner') {
    const to = collab.grantee?.type === 'user' ? state.user(collab.grantee.id) : undefined;
    if (own !== 'owner' || !to || collab.status !== 'accepted') throw denied();
    makeOwner(state, call.by, collab, to);
    return { status: 204 };
  }
  const role = body.role === undefined ? undefined : oneOf('role', body.role, ROLES);
  if ((role === 'co-owner' || collab.role === 'co-owner') && !holds(own, 'own')) throw denied();
  const expires = body.expires_at;
  const expiresAt = expires === undefined ? undefined : expires === null ? null : momentOf('expires_at', expires);
  if (typeof expiresAt === 'number' && expiresAt <= state.now()) throw invalid('expires_at', 'must be in the future');
  updateCollab(state, call.by, collab, {
    ...(role === undefined ? {} : { role }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(body.can_view_path === undefined ? {} : { canViewPath: body.can_view_path as boolean }),
  });
  return { status: 200, body: renderCollab(state, user, collab) };
}

export const collaborationRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/folders/{folder_id}/collaborations',
    need: 'read',
    query: ['fields', 'limit', 'marker'],
    handle: (call) => listOn(call, 'folder', call.params.folder_id),
  },
  {
    method: 'GET',
    path: '/files/{file_id}/collaborations',
    need: 'read',
    query: ['fields', 'limit', 'marker'],
    handle: (call) => listOn(call, 'file', call.params.file_id),
  },
  {
    method: 'GET',
    path: '/collaborations',
    need: 'read',
    query: ['status', 'fields', 'offset', 'limit'],
    handle: (call) => {
      oneOf('status', call.query.get('status'), ['pending']);
      const fields = fieldsOf(call, COLLAB_FIELDS);
      const ids = [...(call.state.collabsOfGrantee.get(`user ${call.user.id}`) ?? [])];
      const rows = ids.map((id) => call.state.collabs.get(id) as Collab).filter((one) => one.status === 'pending');
      return { status: 200, body: offsetPage(call, rows, (one) => renderCollab(call.state, call.user, one, fields)) };
    },
  },
  { method: 'POST', path: '/collaborations', need: 'write', query: ['fields', 'notify'], handle: create },
  {
    method: 'GET',
    path: '/collaborations/{collaboration_id}',
    need: 'read',
    query: ['fields'],
    handle: (call) => ({
      status: 200,
      body: renderCollab(call.state, call.user, collabOf(call), fieldsOf(call, COLLAB_FIELDS)),
    }),
  },
  { method: 'PUT', path: '/collaborations/{collaboration_id}', need: 'write', handle: update },
  {
    method: 'DELETE',
    path: '/collaborations/{collaboration_id}',
    need: 'write',
    handle: (call) => {
      const collab = collabOf(call);
      // One may always leave oneself.
      if (collab.grantee?.id !== call.user.id && !mayManage(call, collab)) throw denied();
      removeCollab(call.state, call.by, collab);
      return { status: 204 };
    },
  },
];

import { compileFilter, readPath } from './filter.ts';
import type { Grammar, Operator } from './filter.ts';
import { userOf } from './lifecycle.ts';
import { limitOf, listAnswer, takePage } from './paging.ts';
import { renderGroup, renderUser, renderUserAlone } from './render.ts';
import { badFilter, badSearch, invalid } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call, Route } from './route.ts';
import type { OktaState, User } from './state.ts';

const ORDERED: readonly Operator[] = ['eq', 'gt', 'ge', 'lt', 'le'];
const TEXT: readonly Operator[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sw', 'ew', 'co', 'pr'];
const FILTERABLE: Record<string, readonly Operator[]> = {
  status: ['eq'],
  lastUpdated: ORDERED,
  id: ['eq'],
  'profile.login': ['eq'],
  'profile.email': ['eq'],
  'profile.firstName': ['eq'],
  'profile.lastName': ['eq'],
};
const SEARCHABLE = new Set(['id', 'status', 'created', 'activated', 'statusChanged', 'lastUpdated', 'type.id']);
const filterGrammar: Grammar = (attribute) => FILTERABLE[attribute];
const searchGrammar: Grammar = (attribute) =>
  SEARCHABLE.has(attribute) || attribute.startsWith('profile.') ? TEXT : undefined;

function reader(state: OktaState) {
  return (user: User, attribute: string): unknown => {
    if (attribute === 'type.id') return state.typeId;
    return readPath(user, attribute.split('.'));
  };
}

function compiled(state: OktaState, text: string, search: boolean): (user: User) => boolean {
  try {
    return compileFilter(text, search ? searchGrammar : filterGrammar, reader(state));
  } catch (error) {
    throw (search ? badSearch : badFilter)((error as Error).message);
  }
}

/** Parts that the caller does not want, from `Content-Type: application/json; okta-response=a,b`. */
function omitted(call: Call): ReadonlySet<string> {
  const match = /okta-response="?([\w,]+)"?/.exec(String(call.headers['content-type'] ?? ''));
  return new Set(match?.[1]?.split(',') ?? []);
}

function listUsers(call: Call): Answer {
  const { state, query } = call;
  const [filter, search, q] = [query.get('filter'), query.get('search'), query.get('q')];
  if ([filter, search, q].filter((one) => one !== null).length > 1)
    throw invalid('filter', 'filter, search and q cannot be combined');
  if (query.has('sortBy') && search === null) throw invalid('sortBy', 'sortBy needs search');
  const omit = omitted(call);
  if (q !== null) {
    const limit = limitOf(call, 10, 200);
    const text = q.toLowerCase();
    const rows = state.users.rows.filter(
      (user) =>
        user.status !== 'DEPROVISIONED' &&
        ['firstName', 'lastName', 'email'].some((name) => String(user.profile[name]).toLowerCase().startsWith(text)),
    );
    return listAnswer(
      call,
      rows.slice(0, limit).map((user) => renderUser(state, user, call.base, omit)),
      undefined,
      limit,
    );
  }
  const limit = limitOf(call, 200, 200);
  if (search !== null) return searchUsers(call, search, limit, omit);
  const passes = filter === null ? (user: User) => user.status !== 'DEPROVISIONED' : compiled(state, filter, false);
  const page = takePage(call, `users ${filter ?? ''}`, state.users, limit, passes);
  return listAnswer(
    call,
    page.rows.map((user) => renderUser(state, user, call.base, omit)),
    page.next,
    limit,
  );
}

function searchUsers(call: Call, search: string, limit: number, omit: ReadonlySet<string>): Answer {
  const { state, query } = call;
  const test = compiled(state, search, true);
  const now = state.now();
  const indexed = (user: User): User | null => (user.indexed && user.indexed.until > now ? user.indexed.row : user);
  const passes = (user: User) => {
    const row = indexed(user);
    return row !== null && test(row);
  };
  const sortBy = query.get('sortBy');
  const show = (user: User) => renderUser(state, indexed(user) ?? user, call.base, omit);
  if (sortBy === null) {
    const page = takePage(call, `users search ${search}`, state.users, limit, passes);
    return listAnswer(call, page.rows.map(show), page.next, limit);
  }
  if (!searchGrammar(sortBy)) throw badSearch(`sortBy ${sortBy} is not supported`);
  const read = reader(state);
  const sign = query.get('sortOrder')?.toLowerCase() === 'desc' ? -1 : 1;
  const key = (user: User) => String(read(user, sortBy) ?? '');
  const rows = state.users.rows
    .filter(passes)
    .sort((a, b) => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : a.id < b.id ? -1 : 1));
  const list = `users sorted ${search} ${sortBy} ${sign}`;
  const after = query.get('after');
  const start = after === null ? 0 : Number(call.cursors.open(list, after)[0]);
  const next = start + limit < rows.length ? call.cursors.seal(list, [start + limit]) : undefined;
  return listAnswer(call, rows.slice(start, start + limit).map(show), next, limit);
}

export const userRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/v1/users',
    scope: 'okta.users.read',
    permission: 'users.read',
    query: ['limit', 'after', 'search', 'filter', 'q', 'fields', 'sortBy', 'sortOrder', 'expand'],
    handle: listUsers,
  },
  {
    method: 'GET',
    path: '/api/v1/users/{id}',
    scope: 'okta.users.read',
    permission: 'users.read',
    query: ['expand'],
    checks: 'handler',
    handle: (call) => {
      // Everybody may read themself; whatever else is asked for needs the role first.
      const self = call.params.id === 'me' || call.params.id === call.principal.userId;
      call.permitted ||= self;
      if (!call.permitted) return { status: 403 };
      return { status: 200, body: renderUserAlone(call.state, userOf(call), call.base, omitted(call)) };
    },
  },
  {
    method: 'GET',
    path: '/api/v1/users/{id}/groups',
    scope: 'okta.users.read',
    permission: 'users.read',
    query: [],
    handle: (call) => {
      const { state } = call;
      const user = userOf(call);
      const ids = [
        ...(user.status === 'DEPROVISIONED' ? [] : [state.everyoneId]),
        ...(state.groupsOfUser.get(user.id) ?? []),
      ];
      const groups = ids.flatMap((id) => state.groups.get(id) ?? []);
      return listAnswer(
        call,
        groups.map((group) => renderGroup(group, call.base)),
        undefined,
        groups.length,
      );
    },
  },
];

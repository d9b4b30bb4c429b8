import type { AdminPermission } from './admin-permissions.ts';
import type { Cursors } from './cursor.ts';
import type { Principal } from './principal.ts';
import type { Answer } from '../kit/answer.ts';
import type { OktaState } from './state.ts';

/** One authorised request on its way to a handler. */
export interface Call {
  state: OktaState;
  cursors: Cursors;
  principal: Principal;
  /** `http://host` as the caller wrote it. */
  base: string;
  method: string;
  path: string;
  params: Record<string, string>;
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
  requestId: string;
  /** True when the admin permission that the route names is held; routes with `checks: 'handler'` look at it themselves. */
  permitted: boolean;
  hooks: { verify: (hookId: string) => Promise<boolean>; allowHttp: boolean };
}

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As in Okta's API description: `/api/v1/users/{id}`. */
  path: string;
  scope: string;
  permission: AdminPermission;
  /** Allowed query parameters; any other is refused. */
  query?: readonly string[];
  /** 'handler': the handler decides, by `call.permitted` and the target. */
  checks?: 'handler';
  handle: (call: Call) => Answer | Promise<Answer>;
}

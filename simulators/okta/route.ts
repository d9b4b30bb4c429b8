import type { AdminPermission } from './admin-permissions.ts';
import type { Cursors } from './cursor.ts';
import type { Principal } from './principal.ts';
import type { Answer } from './respond.ts';
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

interface Compiled {
  route: Route;
  parts: readonly string[];
}

/** Finds routes by method and path; exact segments win over placeholders. */
export class Router {
  readonly #byLength = new Map<number, Compiled[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const parts = route.path.split('/').slice(1);
      const same = this.#byLength.get(parts.length) ?? [];
      same.push({ route, parts });
      this.#byLength.set(parts.length, same);
    }
    const placeholders = (one: Compiled) => one.parts.filter((part) => part.startsWith('{')).length;
    for (const same of this.#byLength.values()) same.sort((a, b) => placeholders(a) - placeholders(b));
  }

  /** The route, or which methods the path would have taken. */
  find(method: string, path: string): { route: Route; params: Record<string, string> } | { allowed: string[] } {
    const given = path.split('/').slice(1);
    const allowed: string[] = [];
    for (const { route, parts } of this.#byLength.get(given.length) ?? []) {
      const params: Record<string, string> = {};
      const matches = parts.every((part, at) => {
        const text = given[at] as string;
        if (!part.startsWith('{')) return part === text;
        if (text === '') return false;
        params[part.slice(1, -1)] = decode(text);
        return true;
      });
      if (!matches) continue;
      if (route.method === method) return { route, params };
      allowed.push(route.method);
    }
    return { allowed };
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

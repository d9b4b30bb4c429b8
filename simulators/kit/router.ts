interface Described {
  method: string;
  /** As in the vendor's API description: `/api/v1/users/{id}`. */
  path: string;
}

interface Compiled<R> {
  route: R;
  parts: readonly string[];
}

/** Finds routes by method and path; exact segments win over placeholders. */
export class Router<R extends Described> {
  readonly #byLength = new Map<number, Compiled<R>[]>();

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      const parts = route.path.split('/').slice(1);
      const same = this.#byLength.get(parts.length) ?? [];
      same.push({ route, parts });
      this.#byLength.set(parts.length, same);
    }
    const placeholders = (one: Compiled<R>) => one.parts.filter((part) => part.startsWith('{')).length;
    for (const same of this.#byLength.values()) same.sort((a, b) => placeholders(a) - placeholders(b));
  }

  /** The route, or which methods the path would have taken. */
  find(method: string, path: string): { route: R; params: Record<string, string> } | { allowed: string[] } {
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

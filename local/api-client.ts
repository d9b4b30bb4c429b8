export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly problem: Record<string, unknown>;

  constructor(what: string, status: number, problem: Record<string, unknown>) {
    super(`${what}: ${status} ${String(problem['detail'] ?? problem['title'] ?? '')}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The HTTP API as an operator calls it. */
export function connectApi(url: string, key: string) {
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = (text === '' ? {} : JSON.parse(text)) as T;
    if (!response.ok) throw new ApiProblem(`${method} ${path}`, response.status, answer as Record<string, unknown>);
    return answer;
  };
  return {
    get: <T>(path: string) => call<T>('GET', path),
    post: <T>(path: string, body: object = {}) => call<T>('POST', path, body),
    put: <T>(path: string, body: object) => call<T>('PUT', path, body),
    patch: <T>(path: string, body: object) => call<T>('PATCH', path, body),
  };
}

export type Api = ReturnType<typeof connectApi>;

/**
 * Speaks to the control interface of a simulator in another process. `R` is the control object's type:
 * `connectControl<Control>(url, token)` gives the same methods, each returning a promise.
 */
export type Remote<R> = {
  [K in keyof R]: R[K] extends (...given: infer A) => infer O ? (...given: A) => Promise<Awaited<O>> : never;
};

export function connectControl<R extends object>(url: string, token: string): Remote<R> {
  const call = async (name: string, argument: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/_control/${name}`, {
      method: 'POST',
      // Each call on a connection of its own: one kept alive may be closed by the simulator just as a call goes out on it.
      headers: { 'x-control-token': token, 'content-type': 'application/json', connection: 'close' },
      body: argument === undefined ? '' : JSON.stringify(argument),
    });
    const answer = (await response.json()) as { result?: unknown; error?: string };
    if (!response.ok) throw new Error(`control ${name}: ${answer.error}`);
    return answer.result;
  };
  return new Proxy({} as Remote<R>, {
    // A promise must not mistake this object for another promise.
    get: (_, name) => (name === 'then' ? undefined : (argument: unknown) => call(String(name), argument)),
  });
}

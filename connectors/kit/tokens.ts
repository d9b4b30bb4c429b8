import type { TokenCache } from '../authorization.ts';

interface Held {
  value: string;
  expiresAt: number;
}

/** Minted anew this long before it expires, so that none dies on its way. */
const earlyMs = 60_000;
const maxHeld = 20_000;

/** The tokens of one connector in this process, over all of its connections. */
export interface TokenStore {
  /**
   * The cache of one owner, a key of connection, credential version and subject.
   * @param signal of the session that asks: when another session's mint was aborted, this one mints itself.
   */
  of(owner: string, now: () => number, signal: AbortSignal): TokenCache;
  /** Values held for an owner, to keep them out of evidence. */
  values(owner: string): string[];
}

export function createTokenStore(): TokenStore {
  const held = new Map<string, Held>();
  const minting = new Map<string, Promise<string>>();
  const key = (owner: string, name: string) => JSON.stringify([owner, name]);

  function hold(id: string, token: Held) {
    held.delete(id);
    held.set(id, token);
    if (held.size > maxHeld) held.delete(held.keys().next().value!);
  }

  return {
    of: (owner, now, signal) => ({
      async get(name, mint) {
        const id = key(owner, name);
        for (;;) {
          const token = held.get(id);
          // A token that lives less than two minutes is still used for half of its life.
          if (token && token.expiresAt > now()) return token.value;
          const running = minting.get(id);
          if (!running) break;
          try {
            return await running;
          } catch (error) {
            if ((error as Error).name !== 'AbortError' || signal.aborted) throw error;
          }
        }
        const run = (async () => {
          const startedAt = now();
          const { value, expiresAt } = await mint();
          const lifeMs = expiresAt.getTime() - startedAt;
          hold(id, { value, expiresAt: expiresAt.getTime() - Math.min(earlyMs, lifeMs / 2) });
          return value;
        })().finally(() => minting.delete(id));
        minting.set(id, run);
        return run;
      },
      forget(name) {
        held.delete(key(owner, name));
      },
    }),
    values: (owner) =>
      [...held].filter(([id]) => (JSON.parse(id) as string[])[0] === owner).map(([, token]) => token.value),
  };
}

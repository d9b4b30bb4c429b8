import { keyIdOf } from '../store/seal.ts';
import type { Store } from '../store/store.ts';

export interface MasterKeys {
  key: Buffer;
  oldKeys: Buffer[];
}

/** A process that still seals with the old key may write between two passes. */
const passes = 3;
const tellEveryMs = 1_000;

/**
 * Wraps every seal with the newest master key. Changes nothing where a key is missing. The answer is printed; `progress`
 * is told at most once a second.
 */
export async function rotateMasterKey(
  store: Store,
  { key, oldKeys }: MasterKeys,
  json: boolean,
  progress: (line: string) => void,
): Promise<string> {
  const newest = keyIdOf(key);
  const known = new Set([newest, ...oldKeys.map(keyIdOf)]);
  const before = await store.connections.sealKeys();
  const unknown = [...before].filter(([id]) => !known.has(id));
  if (unknown.length > 0) {
    const seals = unknown.map(([id, count]) => `${count} with ${id}`).join(', ');
    throw new Error(
      `nothing was changed: seals are wrapped with keys that were not given (${seals}): add them to CASTELLAN_KEY_OLD`,
    );
  }
  const left = async () => [...(await store.connections.sealKeys())].filter(([id]) => id !== newest);
  let rewrapped = 0;
  let told = Date.now();
  for (let pass = 0; pass < passes && (await left()).length > 0; pass += 1) {
    rewrapped += await store.connections.rewrapSeals((looked) => {
      if (Date.now() - told < tellEveryMs) return;
      told = Date.now();
      progress(`looked at ${looked} connections\n`);
    });
  }
  const still = await left();
  if (still.length > 0)
    throw new Error(
      'a process seals with an older key all the while: restart all with the new CASTELLAN_KEY, then again',
    );
  const seals = (await store.connections.sealKeys()).get(newest) ?? 0;
  if (json) return `${JSON.stringify({ keyId: newest, rewrapped, seals })}\n`;
  return `${rewrapped} seals were wrapped anew; all ${seals} now need the key ${newest} alone: CASTELLAN_KEY_OLD can go\n`;
}

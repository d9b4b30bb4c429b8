import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Sealed } from './documents.ts';

/** A seal that cannot be made or opened. The message says why and what to do, and holds no part of the secret. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/** What a seal is bound to: moved to another connection, field or version it does not open. */
export interface SealPlace {
  connectionId: string;
  field: 'credential' | 'webhookSecret';
  version: number;
}

export interface Seal {
  seal(value: unknown, place: SealPlace): Sealed;
  unseal(sealed: Sealed, place: SealPlace): unknown;
  /** Wraps the data key with the newest master key. Null: it is already. */
  rewrap(sealed: Sealed, place: SealPlace): Sealed | null;
}

/** 32 bytes in base64, base64url or hex, as `CASTELLAN_KEY` holds them. Throws SealError. */
export function parseMasterKey(text: string): Buffer {
  const trimmed = text.trim();
  const key = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)
      ? Buffer.from(trimmed, 'base64')
      : Buffer.alloc(0);
  if (key.length !== 32) throw new SealError('a master key is 32 bytes in base64 or hex: openssl rand -base64 32');
  return key;
}

/** Keys of before a rotation, as `CASTELLAN_KEY_OLD` holds them: separated by commas. Throws SealError. */
export const parseOldKeys = (text: string): Buffer[] =>
  text
    .split(',')
    .filter((each) => each.trim() !== '')
    .map(parseMasterKey);

/** The first 8 hex digits of the key's SHA-256. */
export const keyIdOf = (key: Buffer): string => createHash('sha256').update(key).digest('hex').slice(0, 8);

const ivBytes = 12;
const tagBytes = 16;

function encrypt(key: Buffer, plain: Buffer, bound: string): { iv: Buffer; data: Buffer; tag: Buffer } {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(bound));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { iv, data, tag: cipher.getAuthTag() };
}

function decrypt(key: Buffer, from: { iv: Buffer; data: Buffer; tag: Buffer }, bound: string): Buffer {
  // A shorter tag would be accepted and is easier to forge.
  const decipher = createDecipheriv('aes-256-gcm', key, from.iv, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(bound)).setAuthTag(from.tag);
  return Buffer.concat([decipher.update(from.data), decipher.final()]);
}

const boundTo = (what: 'data' | 'key', { connectionId, field, version }: SealPlace): string =>
  JSON.stringify(['castellan', what, connectionId, field, version]);

/** Envelope AES-256-GCM: a fresh data key a seal, wrapped by the master key. `oldKeys` only open. */
export function createSeal(key: Buffer | null, oldKeys: readonly Buffer[] = []): Seal {
  const keys = new Map([...oldKeys, ...(key ? [key] : [])].map((each) => [keyIdOf(each), each]));
  for (const each of keys.values()) if (each.length !== 32) throw new SealError('a master key is 32 bytes');

  function newest(): { id: string; key: Buffer } {
    if (!key) throw new SealError('nothing can be sealed: this process has no CASTELLAN_KEY');
    return { id: keyIdOf(key), key };
  }

  function wrap(dataKey: Buffer, place: SealPlace): { keyId: string; wrapped: string } {
    const master = newest();
    const { iv, data, tag } = encrypt(master.key, dataKey, boundTo('key', place));
    return { keyId: master.id, wrapped: Buffer.concat([iv, data, tag]).toString('base64') };
  }

  function unwrap(sealed: Sealed, place: SealPlace): Buffer {
    const master = keys.get(sealed.keyId);
    if (!master) {
      throw new SealError(
        `the ${place.field} of ${place.connectionId} was sealed with the key ${sealed.keyId}, which this process does not have: ` +
          'set CASTELLAN_KEY to it, or give it as an old key',
      );
    }
    const bytes = Buffer.from(sealed.wrapped, 'base64');
    const from = {
      iv: bytes.subarray(0, ivBytes),
      data: bytes.subarray(ivBytes, -tagBytes),
      tag: bytes.subarray(-tagBytes),
    };
    return guarded(place, () => decrypt(master, from, boundTo('key', place)));
  }

  function guarded<T>(place: SealPlace, open: () => T): T {
    try {
      return open();
    } catch (cause) {
      const where = `${place.field} of ${place.connectionId}, version ${place.version}`;
      throw new SealError(`the seal of ${where} is damaged or belongs elsewhere: replace it`, { cause });
    }
  }

  return {
    seal(value, place) {
      const plain = JSON.stringify(value);
      if (plain === undefined) throw new SealError(`there is nothing to seal as ${place.field}`);
      const dataKey = randomBytes(32);
      const { iv, data, tag } = encrypt(dataKey, Buffer.from(plain), boundTo('data', place));
      return {
        v: 1,
        ...wrap(dataKey, place),
        iv: iv.toString('base64'),
        data: data.toString('base64'),
        tag: tag.toString('base64'),
      };
    },

    unseal(sealed, place) {
      const dataKey = unwrap(sealed, place);
      const from = {
        iv: Buffer.from(sealed.iv, 'base64'),
        data: Buffer.from(sealed.data, 'base64'),
        tag: Buffer.from(sealed.tag, 'base64'),
      };
      return JSON.parse(guarded(place, () => decrypt(dataKey, from, boundTo('data', place))).toString('utf8'));
    },

    rewrap(sealed, place) {
      if (sealed.keyId === newest().id) return null;
      return { ...sealed, ...wrap(unwrap(sealed, place), place) };
    },
  };
}

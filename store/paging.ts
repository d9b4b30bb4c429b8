import type { Filter } from 'mongodb';

export interface Paged<T> {
  items: T[];
  /** Opaque; absent on the last page. */
  next?: string;
}

/** A cursor that this list did not give out. The caller's mistake, never the store's. */
export class BadCursor extends Error {
  override readonly name = 'BadCursor';
  constructor() {
    super('the cursor is not one that this list gave out');
  }
}

/** Opaque text of the last item's sort key. */
export const toCursor = (key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url');

/** Throws BadCursor unless the text holds exactly values of these types. */
export function fromCursor(cursor: string, types: readonly ('string' | 'number')[]): (string | number)[] {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw new BadCursor();
  }
  if (!Array.isArray(key) || key.length !== types.length) throw new BadCursor();
  if (!key.every((value, at) => typeof value === types[at] && (typeof value !== 'number' || Number.isFinite(value)))) {
    throw new BadCursor();
  }
  return key;
}

interface Created {
  _id: string;
  createdAt: Date;
}

/** What comes after the cursor in a list that is sorted newest first; sort by `newestFirst`. */
export function afterCursor<T extends Created>(cursor: string | undefined): Filter<T>[] {
  if (cursor === undefined) return [];
  const [ms, id] = fromCursor(cursor, ['number', 'string']) as [number, string];
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) throw new BadCursor();
  return [{ $or: [{ createdAt: { $lt: at } }, { createdAt: at, _id: { $lt: id } }] } as Filter<T>];
}

export const newestFirst = { createdAt: -1, _id: -1 } as const;

/** Makes a page of `limit + 1` found items. */
export function pageOf<T extends Created>(found: T[], limit: number): Paged<T> {
  if (found.length <= limit) return { items: found };
  const items = found.slice(0, limit);
  const last = items[items.length - 1];
  return last ? { items, next: toCursor([last.createdAt.getTime(), last._id]) } : { items };
}

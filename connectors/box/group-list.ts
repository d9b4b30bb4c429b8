import { z } from 'zod';
import { largestOffset, listByOffset, type ListPage } from './api.ts';
import { group as groupSchema, type Group } from './schemas.ts';
import type { BoxSession } from './settings.ts';

export const groupFields = 'name,group_type,created_at,modified_at,provenance,description';
const pageSize = 200;
/** So many of one list are read; Box refuses the offsets beyond. */
const reach = largestOffset + pageSize;
const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789 -_.'];
/** A name that so many others share the begin of is not looked for further. */
const longest = 20;

/**
 * Where a list of groups stands. There is no marker, so that of more than `reach` those are read whose names begin with
 * each letter, with a further letter where these are too many again, and at last those whose names begin with none.
 */
export const groupPlace = z.object({
  offset: z.number().int().nonnegative(),
  /** Read now; without one the list of all. */
  prefix: z.string().optional(),
  left: z.array(z.string()).optional(),
  /** What was split into longer ones. */
  split: z.array(z.string()).optional(),
  /** How many Box has in all, and how many of them were found. */
  total: z.number().optional(),
  found: z.number().optional(),
});
export type GroupPlace = z.output<typeof groupPlace>;

export async function listGroups(
  session: BoxSession,
  place: GroupPlace,
): Promise<Omit<ListPage<Group>, 'next'> & { next?: GroupPlace }> {
  const { offset, prefix, left = [], split = [], total, found = 0 } = place;
  const page = await listByOffset(session, '/groups', '/groups', groupSchema, {
    offset,
    limit: pageSize,
    query: { fields: groupFields, ...(prefix !== undefined && { filter_term: prefix }) },
  });
  const isFirst = offset === 0 && (prefix !== undefined || total === undefined);
  if (isFirst && page.total > reach && (prefix ?? '').length < longest) {
    const [next, ...more] = [...letters.map((letter) => `${prefix ?? ''}${letter}`), ...left];
    const all = { total: total ?? page.total, found, split: [...split, prefix ?? ''] };
    return { rows: [], skipped: [], next: { ...all, offset: 0, prefix: next!, left: more } };
  }
  if (total === undefined)
    return { ...page, next: page.next === undefined ? undefined : { offset: Number(page.next) } };

  // What the letters brought is not read once more.
  const rows = prefix === undefined ? page.rows.filter(({ name }) => !isReached(name ?? '', split)) : page.rows;
  const skipped = page.skipped.filter(({ why }) => why !== page.beyond);
  const now = { total, found: found + rows.length, split, left };
  if (page.next !== undefined) return { rows, skipped, next: { ...now, offset: Number(page.next), prefix } };
  if (prefix !== undefined) return { rows, skipped, next: { ...now, offset: 0, prefix: left[0], left: left.slice(1) } };
  const lost = total - now.found;
  if (lost > 0)
    skipped.push({ why: `about ${lost} of ${total} groups: Box lists none beyond ${largestOffset} of one begin` });
  return { rows, skipped };
}

/** Whether one of the prefixes that were read is the begin of the name. */
const isReached = (name: string, split: readonly string[]): boolean => {
  const lower = name.toLowerCase();
  return split
    .filter((prefix) => lower.startsWith(prefix))
    .every((prefix) => letters.includes(lower.charAt(prefix.length)));
};

import type { Db, Filter, IndexDescription } from 'mongodb';
import { unknownLabel } from '../connectors/kit/ocsf.ts';
import { recordKinds, type RecordKind } from '../connectors/records.ts';
import { contentIndexes } from './contents.ts';
import { BadCursor, fromCursor, toCursor } from './paging.ts';
import { recordFilters, type RecordFilter } from './record-filters.ts';
import { recordId, type RecordRow } from './record-rows.ts';
import type { RecordQuery, Records, StoredRecord } from './store.ts';
import { fromStorable } from './vendor-keys.ts';

const index = (name: string, ...fields: string[]): IndexDescription => ({
  name,
  key: Object.fromEntries(['connectionId', ...fields].map((field) => [field, 1])),
});
/** The scan that saw a record last is left out: it changes with every sweep, and so would the index. */
const byPart = index('byPart', 'part');
const forgotten: IndexDescription = {
  name: 'forgotten',
  key: { forgetAt: 1 },
  expireAfterSeconds: 0,
  partialFilterExpression: { forgetAt: { $exists: true } },
};
const common = [byPart, forgotten];
/**
 * Of the few that are gone: what belonged to them must not come back by a page that was asked for before. Nothing that a
 * sweep writes of every record it sees is in an index, or MongoDB would make all its keys anew each time.
 */
const gone: IndexDescription = {
  ...index('goneById', 'vendorId'),
  partialFilterExpression: { removedAt: { $exists: true } },
};

export const recordIndexes: Readonly<Record<RecordKind, readonly IndexDescription[]>> = {
  accounts: [...common, gone, index('byLogin', 'login'), index('byEmail', 'email')],
  groups: [...common, gone, index('byName', 'name')],
  memberships: [...common, index('byGroup', 'groupId'), index('byAccount', 'accountId')],
  privileges: [
    ...common,
    index('byHolder', 'holderId'),
    { ...index('byGroup', 'groupId'), partialFilterExpression: { groupId: { $exists: true } } },
  ],
  appPermissions: [...common, index('byAccount', 'accountId'), index('byApp', 'appId')],
  activities: [
    { name: 'newest', key: { connectionId: 1, 'event.time': -1, _id: -1 } },
    index('byClass', 'event.class_name', 'event.class_uid'),
    {
      ...index('byLabel', 'event.metadata.labels'),
      partialFilterExpression: { 'event.metadata.labels': { $exists: true } },
    },
  ],
  files: [
    ...common,
    index('byPath', 'part', 'path'),
    index('byParent', 'parentId'),
    index('below', 'ancestors', '_id'),
    index('bySharing', 'sharing'),
    ...contentIndexes,
  ],
};

/** A filter that the kind does not have, or a value of another type. The caller's mistake, never the store's. */
export class BadFilter extends Error {
  override readonly name = 'BadFilter';
  readonly field: string;
  constructor(field: string, why: string) {
    super(`filter ${field}: ${why}`);
    this.field = field;
  }
}

type Wanted = RecordQuery['where'][string];

function condition(name: string, filter: RecordFilter, value: Wanted): Record<string, unknown> {
  const stored = (side: unknown): unknown => {
    const { type, millis } = filter;
    if (type === 'date') {
      if (!(side instanceof Date) && typeof side !== 'number') throw new BadFilter(name, 'wants a date');
      const at = new Date(side);
      if (Number.isNaN(at.getTime())) throw new BadFilter(name, 'wants a date');
      return millis ? at.getTime() : at;
    }
    const wants = type === 'number' || type === 'boolean' ? type : 'string';
    if (typeof side !== wants) throw new BadFilter(name, `wants a ${wants}`);
    if (type === 'choice' && !filter.choices?.includes(String(side))) {
      throw new BadFilter(name, `wants one of ${filter.choices?.join(', ')}`);
    }
    return side;
  };
  if (typeof value !== 'object') return { $eq: stored(value) };
  if (filter.type !== 'date' && filter.type !== 'number') throw new BadFilter(name, 'takes no range');
  const range: Record<string, unknown> = {};
  for (const [side, bound] of Object.entries(value)) {
    if (side !== 'gte' && side !== 'lt') throw new BadFilter(name, 'a range has gte and lt');
    if (bound !== undefined) range[`$${side}`] = stored(bound);
  }
  if (Object.keys(range).length === 0) throw new BadFilter(name, 'the range is empty');
  return range;
}

function conditionsOf(connectionId: string, kind: RecordKind, where: RecordQuery['where']): Filter<RecordRow>[] {
  const conditions: Filter<RecordRow>[] = [{ connectionId: { $eq: connectionId } }];
  for (const [name, value] of Object.entries(where)) {
    const filter = Object.hasOwn(recordFilters[kind], name) ? recordFilters[kind][name] : undefined;
    if (!filter) throw new BadFilter(name, `${kind} have no such filter`);
    conditions.push({ [filter.path]: condition(name, filter, value) });
  }
  return conditions;
}

/** Of unknown events the most frequent ones are named. */
const mostTypes = 20;

export function createRecords(db: Db): Records {
  const rowsOf = (kind: RecordKind) => db.collection<RecordRow>(kind);

  return {
    async idsOf(connectionId, kind, { where, limit }) {
      const ids = { _id: 0, vendorId: 1, groupId: 1, accountId: 1 } as const;
      return rowsOf(kind)
        .find({ $and: [...conditionsOf(connectionId, kind, where), { removedAt: { $exists: false } }] })
        .project<{ vendorId: string; groupId?: string; accountId?: string }>(ids)
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
    },

    async list(connectionId, kind, { where, removed = false, limit, cursor, order = 'id' }) {
      const conditions = conditionsOf(connectionId, kind, where);
      // Tombstones tell of what was never stored.
      conditions.push(removed ? { hash: { $ne: '' } } : { removedAt: { $exists: false } });
      const newest = order === 'newest' && kind === 'activities';
      if (cursor !== undefined) conditions.push(newest ? afterNewest(cursor) : afterId(cursor));
      const found = await rowsOf(kind)
        .find({ $and: conditions })
        .sort(newest ? { 'event.time': -1, _id: -1 } : { _id: 1 })
        .limit(limit + 1)
        .toArray();
      const rows = found.slice(0, limit);
      const last = rows.at(-1);
      const items = rows.map(toRecord);
      if (found.length <= limit || !last) return { items };
      return { items, next: toCursor(newest ? [timeOf(last), last._id] : [last._id]) };
    },

    async get(connectionId, kind, vendorId) {
      const row = await rowsOf(kind).findOne({ _id: recordId(connectionId, vendorId), hash: { $ne: '' } });
      return row && toRecord(row);
    },

    async recall(connectionId, kind, vendorIds) {
      const rows = await rowsOf(kind)
        .find({
          _id: { $in: vendorIds.map((id) => recordId(connectionId, id)) },
          removedAt: { $exists: false },
          missingSince: { $exists: false },
        })
        .toArray();
      return new Map(
        rows.map((row) => {
          const record = toRecord(row);
          const { part, observedAt, hash } = record;
          return [record.vendorId, { record, part, observedAt, hash }];
        }),
      );
    },

    async haveLogin(connectionId, logins) {
      const wanted = { connectionId, login: { $in: [...logins] }, removedAt: { $exists: false } };
      const found = await rowsOf('accounts').distinct('login', wanted);
      return new Set(found.map(String));
    },

    async counts(connectionId) {
      const counts = await Promise.all(
        recordKinds.map(
          async (kind) =>
            [kind, await rowsOf(kind).countDocuments({ connectionId, removedAt: { $exists: false } })] as const,
        ),
      );
      return Object.fromEntries(counts) as Record<RecordKind, number>;
    },

    async activityClasses(connectionId) {
      const classes = await rowsOf('activities')
        .aggregate<{ _id: { classUid: number; className?: string }; count: number }>([
          { $match: { connectionId } },
          { $group: { _id: { className: '$event.class_name', classUid: '$event.class_uid' }, count: { $sum: 1 } } },
          { $sort: { count: -1, '_id.classUid': 1 } },
        ])
        .toArray();
      return classes.map(({ _id, count }) => ({
        classUid: _id.classUid,
        className: _id.className ?? String(_id.classUid),
        count,
      }));
    },

    async unknownEvents(connectionId) {
      const found = await rowsOf('activities')
        .aggregate<{ _id: string | null; count: number }>([
          { $match: { connectionId, 'event.metadata.labels': unknownLabel } },
          { $group: { _id: '$event.metadata.event_code', count: { $sum: 1 } } },
          { $sort: { count: -1, _id: 1 } },
        ])
        .toArray();
      return {
        count: found.reduce((sum, { count }) => sum + count, 0),
        types: found.slice(0, mostTypes).map(({ _id, count }) => ({ eventCode: _id ?? 'unknown', count })),
      };
    },
  };
}

/** Without what is only for who reads contents. */
function toRecord({ contentDue: _due, contentWork: _work, ...row }: RecordRow): StoredRecord {
  return fromStorable(row) as StoredRecord;
}

function timeOf(row: RecordRow): number {
  const event = row['event'] as { time?: unknown } | undefined;
  return Number(event?.time ?? 0);
}

const afterId = (cursor: string): Filter<RecordRow> => ({ _id: { $gt: String(fromCursor(cursor, ['string'])[0]) } });

function afterNewest(cursor: string): Filter<RecordRow> {
  const [time, id] = fromCursor(cursor, ['number', 'string']);
  if (typeof time !== 'number' || typeof id !== 'string') throw new BadCursor();
  return { $or: [{ 'event.time': { $lt: time } }, { 'event.time': time, _id: { $lt: id } }] };
}

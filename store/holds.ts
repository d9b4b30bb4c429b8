import type { Db, Filter, IndexDescription } from 'mongodb';
import type { Ref } from '../connectors/pages.ts';
import type { RecordKind } from '../connectors/records.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument, Reversion } from './action-documents.ts';

export const holdIndexes: IndexDescription[] = [
  {
    name: 'holds',
    key: { connectionId: 1, 'hold.checkAt': 1 },
    partialFilterExpression: { 'hold.checkAt': { $type: 'date' } },
  },
];

/** What one look at the outcome of a held action found. */
export interface HoldLook {
  /** As it was when the look began; whoever changed the hold meanwhile is not overwritten. */
  seen: ActionDocument;
  stands: boolean;
  checkAt: Date;
  /** Newly noticed. */
  reversion?: Reversion;
  /** Now known of the newest one. */
  by?: Reversion['by'];
  /** One more repetition was asked for. */
  repeatedBy?: string;
  /** The hold ends: why. */
  endedBy?: string;
}

export interface Holds {
  /** The objects changed: those who hold an outcome on one look at once. */
  touch(connectionId: string, refs: readonly Pick<Ref, 'kind' | 'vendorId'>[]): Promise<void>;
  /** To be looked at now, the most urgent first. */
  due(connectionId: string, limit: number): Promise<ActionDocument[]>;
  /** False when the action moved on meanwhile: then nothing is written. */
  record(look: HoldLook): Promise<boolean>;
  /** An action that begins to write ends what was held of its target before. */
  end(by: Pick<ActionDocument, '_id' | 'connectionId' | 'target' | 'targetKey' | 'repeats'>): Promise<void>;
  /** Whether what this action does again is still under way. */
  repeating(id: string): Promise<boolean>;
  counts(connectionId: string): Promise<{ held: number; reverted: number }>;
}

/** Members of targets that name an object of a kind. */
const targetOf: Readonly<Record<string, RecordKind>> = {
  accountId: 'accounts',
  groupId: 'groups',
  fileId: 'files',
  privilegeId: 'privileges',
  appPermissionId: 'appPermissions',
};
const mostReversions = 50;
const unfinished = ['requested', 'prepared', 'applying', 'pending'] as const;

const standingAt = (connectionId: string, now: Date): Filter<ActionDocument> => ({
  connectionId,
  state: 'done',
  'hold.checkAt': { $type: 'date' },
  'hold.until': { $gt: now },
  'hold.endedAt': { $exists: false },
});

export const dueHold = (connectionId: string, now: Date): Filter<ActionDocument> => ({
  ...standingAt(connectionId, now),
  'hold.checkAt': { $type: 'date', $lte: now },
});

/** Outcomes that are watched over, in the documents of their actions. */
export function createHolds(db: Db, clock: Clock): Holds {
  const actions = db.collection<ActionDocument>('actions');
  const standing = (connectionId: string): Filter<ActionDocument> => standingAt(connectionId, clock.now());

  return {
    async touch(connectionId, refs) {
      if (refs.length === 0) return;
      const ids = (kind: RecordKind) => refs.filter((ref) => ref.kind === kind).map(({ vendorId }) => vendorId);
      const named = Object.entries(targetOf).flatMap(([member, kind]) => {
        const those = ids(kind);
        return those.length > 0 ? [{ [`target.${member}`]: { $in: those } } as Filter<ActionDocument>] : [];
      });
      const objects = refs.map(({ kind, vendorId }) => ({ objects: { $elemMatch: { kind, vendorId } } }));
      await actions.updateMany(
        { ...standing(connectionId), $or: [...objects, ...named] },
        { $set: { 'hold.checkAt': clock.now() } },
      );
    },

    due: (connectionId, limit) =>
      actions.find(dueHold(connectionId, clock.now())).sort({ 'hold.checkAt': 1 }).limit(limit).toArray(),

    async record({ seen, stands, checkAt, reversion, by, repeatedBy, endedBy }) {
      const now = clock.now();
      const { repeated, checkAt: lookedFor } = seen.hold!;
      const known = seen.reverted ?? [];
      const completed = by ? known.map((each, at) => (at === known.length - 1 ? { ...each, by } : each)) : known;
      const reverted = reversion ? [...completed, { ...reversion, ...(repeatedBy && { repeatedBy }) }] : completed;
      const { matchedCount } = await actions.updateOne(
        // Another `checkAt`: the object changed meanwhile, so this look is of before.
        { _id: seen._id, state: 'done', seq: seen.seq, 'hold.checkAt': lookedFor, 'hold.repeated': repeated },
        {
          $set: {
            'hold.stands': stands,
            'hold.checkAt': checkAt,
            ...(reverted.length > 0 && { reverted: reverted.slice(-mostReversions) }),
            ...(repeatedBy !== undefined && { 'hold.repeated': repeated + 1 }),
            ...(endedBy !== undefined && { 'hold.endedAt': now, 'hold.endedBy': endedBy }),
          },
          ...(reversion && {
            $push: { history: { at: now, state: 'done', note: noteOf(reversion, repeatedBy) } },
          }),
        },
      );
      return matchedCount === 1;
    },

    async end({ _id, connectionId, target, targetKey, repeats }) {
      const same: Filter<ActionDocument>[] = [{ targetKey }];
      if ('fileId' in target) same.push({ 'target.fileId': target.fileId } as Filter<ActionDocument>);
      await actions.updateMany(
        { ...standing(connectionId), $or: same, _id: { $nin: [_id, ...(repeats === undefined ? [] : [repeats])] } },
        { $set: { 'hold.endedAt': clock.now(), 'hold.endedBy': `action ${_id}` } },
      );
    },

    async repeating(id) {
      return (await actions.countDocuments({ repeats: id, state: { $in: [...unfinished] } }, { limit: 1 })) > 0;
    },

    async counts(connectionId) {
      const [held, reverted] = await Promise.all([
        actions.countDocuments(standing(connectionId)),
        actions.countDocuments({ ...standing(connectionId), 'hold.stands': false }),
      ]);
      return { held, reverted };
    },
  };
}

const noteOf = ({ what, by }: Reversion, repeatedBy: string | undefined): string =>
  `reverted${by?.name ? ` by ${by.name}` : ''}: ${what}; ${repeatedBy ? `done again by ${repeatedBy}` : 'reported'}`.slice(
    0,
    1_000,
  );

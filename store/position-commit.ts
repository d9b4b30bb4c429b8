import { randomUUID } from 'node:crypto';
import type { ClientSession, Db, MongoClient } from 'mongodb';
import type { Clock } from './clock.ts';
import { contentPlace } from './content-due.ts';
import { addCovered, extendCovered } from './coverage.ts';
import type { ConnectionDocument, PendingDocument, PositionDocument } from './documents.ts';
import { inFencedTransaction, writeFenced, type PositionChange } from './fence.ts';
import { prepareGroup, writeGroup, type PreparedGroup, type WritePlace } from './group-write.ts';
import { LeaseLost } from './lease-lost.ts';
import { addPending, settlePending } from './pending-writes.ts';
import { noCursor, positionId, roundDone } from './position-documents.ts';
import { recordId, type RecordRow } from './record-rows.ts';
import { goneFilter } from './removal.ts';
import type { Group, Lease, Positions } from './positions-interface.ts';
import { spreadRemoved } from './spread-tasks.ts';

export interface Commits {
  commit: Positions['commit'];
  /** Where the records of a position's pages belong. */
  placeOf(position: PositionDocument): Promise<WritePlace>;
}

/** A set that takes more away than this goes in several transactions, so that none lasts too long. */
const atOnce = 2_000;

export function createCommits(db: Db, client: MongoClient, clock: Clock): Commits {
  const apps = new Map<string, string>();
  /** By group: who repeats a commit that it never heard of finds that it was its own. */
  const writes = new WeakMap<Group, string>();

  async function appOf(connectionId: string): Promise<string> {
    const known = apps.get(connectionId);
    if (known !== undefined) return known;
    const connection = await db
      .collection<ConnectionDocument>('connections')
      .findOne({ _id: connectionId }, { projection: { app: 1 } });
    if (!connection) throw new LeaseLost(`there is no connection ${connectionId}`);
    apps.set(connectionId, connection.app);
    return connection.app;
  }

  async function placeOf({ connectionId, lane, stage, part, scan }: PositionDocument): Promise<WritePlace> {
    const app = await appOf(connectionId);
    const content = await contentPlace(db, connectionId, stage);
    if (lane === 'sweep') return { connectionId, app, part: part.id, keepParts: false, scan, content };
    const swept =
      stage !== 'pending' &&
      (await db
        .collection<PositionDocument>('positions')
        .findOne({ _id: positionId(connectionId, 'sweep', stage, 'part', part.id) }, { projection: { _id: 1 } }));
    return { connectionId, app, part: part.id, keepParts: !swept, scan: null, content };
  }

  /** Marks most of a large set beforehand. Each step is fenced, and repeating it after a crash goes on. */
  async function thinOut(lease: Lease, { sets }: PreparedGroup): Promise<Lease> {
    let held = lease;
    const { connectionId, part } = lease.position;
    for (const { set, observedAt } of sets) {
      const filter = await goneFilter(db, undefined, connectionId, part.id, set, observedAt);
      const rows = db.collection<RecordRow>(set.kind);
      for (;;) {
        const found = await rows
          .find(filter, { projection: { _id: 1 } })
          .limit(atOnce)
          .toArray();
        if (found.length < atOnce) break;
        const step = await inFencedTransaction(db, client, held, {}, async (session) => {
          const these: typeof filter = { ...filter, $and: [{ _id: { $in: found.map(({ _id }) => _id) } }] };
          await spreadRemoved(db, session, connectionId, set.kind, these, observedAt);
          const { modifiedCount } = await rows.updateMany(
            these,
            { $set: { removedAt: observedAt, observedAt }, $unset: { missingSince: true } },
            { session },
          );
          return { removed: modifiedCount };
        });
        held = step.lease;
      }
    }
    return held;
  }

  /** What waited knows the parts of what was looked up. */
  async function pendingParts(
    session: ClientSession,
    connectionId: string,
    settled: Group['settled'],
  ): Promise<ReadonlyMap<string, string>> {
    if (!settled?.length) return new Map();
    const docs = await db
      .collection<PendingDocument>('pending')
      .find({ _id: { $in: settled.map(({ _id }) => _id) } }, { session, projection: { part: 1, vendorId: 1 } })
      .toArray();
    return new Map(
      docs.flatMap(({ vendorId, part }) => (part === undefined ? [] : [[recordId(connectionId, vendorId), part]])),
    );
  }

  /**
   * What was read is read, whoever holds the position by now: an interval that only grows needs no transaction. False:
   * it does more than grow.
   */
  const covers = async (connectionId: string, part: string, { covered }: Group): Promise<boolean> =>
    !covered || (await extendCovered(db, connectionId, part, covered));

  return {
    placeOf,

    async commit(lease, group) {
      const { connectionId, part } = lease.position;
      const pages = group.absent
        ? [...group.pages, { records: [], removed: group.absent.refs, observedAt: group.absent.observedAt }]
        : group.pages;
      const prepared = prepareGroup(connectionId, pages);
      const write = writes.get(group) ?? randomUUID();
      writes.set(group, write);
      if (saysNothing(prepared, group) && (await covers(connectionId, part.id, group))) {
        const { skipped, pages } = group;
        return writeFenced(db, lease, changeOf(lease.position, group), { skipped, pages: pages.length }, write);
      }
      const place = await placeOf(lease.position);
      const held = prepared.sets.length > 0 ? await thinOut(lease, prepared) : lease;
      const done = await inFencedTransaction(
        db,
        client,
        held,
        changeOf(lease.position, group),
        async (session) => {
          const parts = await pendingParts(session, connectionId, group.settled);
          const { again, written } = await writeGroup(db, session, { ...place, parts }, prepared);
          await settlePending(db, session, group.settled ?? []);
          await addPending(db, session, connectionId, [...group.touched, ...again], clock.now());
          if (group.covered) await addCovered(db, session, connectionId, part.id, group.covered);
          return { ...written, skipped: group.skipped, pages: group.pages.length };
        },
        write,
      );
      const removedBefore = held.position.counts.removed - lease.position.counts.removed;
      return { lease: done.lease, counts: { ...done.counts, removed: done.counts.removed + removedBefore } };
    },
  };
}

/** Nothing but where the position stands: so are most looks for changes. */
const saysNothing = ({ words, sets, observed }: PreparedGroup, { touched, settled = [] }: Group): boolean =>
  words.size + sets.length + observed.size + touched.length + settled.length === 0;

/** Past so many a sweep has read too little to judge by. */
export const mostUnread = 200;

function changeOf(position: PositionDocument, group: Group): PositionChange {
  const { pages, cursor, loopMarker, checkpoint, estimate, round, unread = [] } = group;
  const first = pages.reduce<Date | null>(
    (least, { observedAt }) => (least && least <= observedAt ? least : observedAt),
    null,
  );
  return {
    $set: {
      // Whoever goes round gets nowhere, however much is read on the way.
      failures: loopMarker?.loops ?? 0,
      ...(round !== undefined && roundDone(round, pages.at(-1)?.observedAt ?? position.finishedAt)),
      ...(position.startedAt === null && first !== null && { startedAt: first }),
      ...(typeof cursor === 'string' && { cursor, loopMarker }),
      ...(checkpoint !== undefined && { checkpoint }),
      ...(estimate !== undefined && { estimate }),
    },
    $unset: { failure: true, ...(cursor === null && noCursor) },
    ...(position.lane === 'sweep' &&
      unread.length > 0 && { $push: { unread: { $each: [...unread], $slice: mostUnread } } }),
  };
}

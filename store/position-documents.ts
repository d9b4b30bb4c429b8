import type { IndexDescription } from 'mongodb';
import type { Part } from '../connectors/pages.ts';
import { noCounts } from '../workflows/messages.ts';
import type { PositionDocument, PositionLane } from './documents.ts';
import { free } from './fence.ts';

export const positionIndexes: IndexDescription[] = [
  {
    name: 'claims',
    key: { connectionId: 1, lane: 1, stage: 1, scan: 1, state: 1, role: 1, 'part.weight': -1, _id: 1 },
  },
  { name: 'feeds', key: { connectionId: 1, lane: 1, scan: 1, _id: 1 } },
];

export const wholePart: Part = { id: '', title: '' };

export const positionId = (
  connectionId: string,
  lane: PositionLane,
  stage: PositionDocument['stage'],
  role: PositionDocument['role'],
  partId: string,
): string => `${connectionId}/${lane}/${stage}/${role}/${partId}`;

/** Of a feed that has done this round, and so is held by nobody. */
export const roundDone = (round: number, finishedAt: Date | null) =>
  ({ ...free, scan: round, state: 'open', failures: 0, notBefore: null, finishedAt }) as const;

/** Of an `$unset`: what is told of a place in a list. */
export const noCursor = { cursor: true, loopMarker: true } as const;

export interface Range {
  from?: Date;
  until?: Date;
}

export const newPosition = (
  connectionId: string,
  lane: PositionLane,
  stage: PositionDocument['stage'],
  role: PositionDocument['role'],
  part: Part,
  scan: number,
  { from, until }: Range = {},
): PositionDocument => ({
  _id: positionId(connectionId, lane, stage, role, part.id),
  connectionId,
  lane,
  stage,
  role,
  part,
  scan,
  state: 'open',
  ...(from && { from }),
  ...(until && { until }),
  seq: 0,
  holder: null,
  leaseUntil: null,
  notBefore: null,
  failures: 0,
  trust: 'trusted',
  counts: noCounts,
  startedAt: null,
  finishedAt: null,
});

/**
 * An update that begins the next scan. It moves `seq` like every write, so who still works for the scan before is
 * fenced off. Trust stays until this scan has been judged.
 */
export const nextScan = (scan: number, { from, until }: Range, part?: Part) => ({
  $set: {
    scan,
    state: 'open' as const,
    holder: null,
    leaseUntil: null,
    notBefore: null,
    failures: 0,
    counts: noCounts,
    startedAt: null,
    finishedAt: null,
    ...(part && { part }),
    ...(from && { from }),
    ...(until && { until }),
  },
  $unset: {
    ...noCursor,
    failure: true as const,
    ended: true as const,
    absentSince: true as const,
    unread: true as const,
    ...(from ? {} : { from: true as const }),
    ...(until ? {} : { until: true as const }),
  },
  $inc: { seq: 1 },
});

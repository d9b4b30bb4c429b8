import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../connectors/kit/failures.ts';
import type { PositionDocument } from '../store/documents.ts';
import type { Lease } from '../store/positions-interface.ts';
import type { Dependencies } from './dependencies.ts';
import { feedFailed, isBlind, openFeed } from './feeds.ts';
import { isOurs } from './is-ours.ts';
import type { Opened } from './open-session.ts';
import { asFailure } from './problems.ts';

/** The watch lane begins at the same time: mostly it is just about to open them. */
const lookAgainMs = 50;
const looksAtMost = 20;
const feedsAtMost = 1_000;

/**
 * For a sweep of what the audit trail names: its feeds are open before the first page is asked for, or what is changed
 * between that page and the first that the trail tells of would be looked at by nobody. A number says that they are not
 * yet, and in how many milliseconds to come back. What cannot be followed for the time being is not waited for: then the
 * next scan finds such changes.
 */
export async function awaitTrail(deps: Dependencies, opened: Opened, holder: string): Promise<number | undefined> {
  if (!opened.connector.stages.activities?.changes) return undefined;
  for (let looks = 1; ; looks += 1) {
    const inMs = await openTrail(deps, opened, holder);
    if (inMs === undefined || looks >= looksAtMost) return inMs;
    await delay(lookAgainMs);
  }
}

async function openTrail(deps: Dependencies, opened: Opened, holder: string): Promise<number | undefined> {
  const { store, times, log } = deps;
  const connectionId = opened.connection._id;
  const query = { lane: 'watch', stage: 'activities', limit: feedsAtMost } as const;
  const { items } = await store.positions.list(connectionId, query);
  const unopened = items.filter(({ role, checkpoint }) => role === 'part' && checkpoint === undefined);
  const listing = items.filter(({ role, state }) => role === 'listing' && state !== 'complete');
  const givenUp = ({ failure, failures }: PositionDocument): boolean =>
    isBlind(failure?.kind) || failures > times.againMs.length;
  const without = [...listing, ...unopened].filter(givenUp);
  if (without.length > 0)
    log.warn({ connectionId, feeds: without.map(({ _id }) => _id) }, 'read without the audit trail being followed');

  if (opened.connector.stages.activities!.parts) {
    // Only the watch lane looks for them.
    if (items.length === 0 || listing.some((position) => !givenUp(position))) return 1000;
  } else if (items.length === 0) return openOne({ id: '', title: '' });
  for (const position of unopened) {
    const inMs = givenUp(position) ? undefined : await openOne(position.part);
    if (inMs !== undefined) return inMs;
  }
  return undefined;

  async function openOne(part: PositionDocument['part']): Promise<number | undefined> {
    let again: number | undefined;
    const busy = await openFeed(deps, opened, 'activities', part, holder, async (lease, error) => {
      await failed(lease, error);
      again = 1000;
    });
    return busy ?? again;
  }

  async function failed(lease: Lease, error: unknown): Promise<void> {
    const tellsOfUs = opened.session.signal.aborted || isOurs(error);
    if (!tellsOfUs && !Failure.is(error, 'throttled', 'unauthorized')) return feedFailed(deps, lease, asFailure(error));
    await store.positions.release(lease).catch(() => undefined);
    throw error;
  }
}

import type { StageName } from '../connectors/records.ts';
import type { Lease } from '../store/positions-interface.ts';
import type { Dependencies } from './dependencies.ts';
import { goesRound, markLoop } from './mark-loop.ts';
import type { Opened } from './open-session.ts';

interface Listing {
  stage: StageName;
  /** Each part gets a feed too. */
  feeds: boolean;
  /** Asked before each page: false hands over with the position stored. */
  goOn: () => boolean;
  /** After each page. */
  moved: (lease: Lease) => void;
}

/** Pages through the stage's parts from where the lease stands; with the newest lease, and whether the end was reached. */
export async function listParts(
  { store }: Dependencies,
  { connector, session }: Opened,
  lease: Lease,
  { stage, feeds, goOn, moved }: Listing,
): Promise<{ lease: Lease; ended: boolean }> {
  const { part } = lease.position;
  let current = lease;
  while (goOn()) {
    const { position } = current;
    const page = await connector.stages[stage]!.parts!(session, { part, cursor: position.cursor });
    const { looped, place } = markLoop(page.next, position);
    const { cursor = null, loopMarker } = place;
    current = await store.positions.addParts(current, looped ? [] : page.records, cursor, { feeds, loopMarker });
    moved(current);
    if (looped) throw goesRound();
    if (page.next === undefined) return { lease: current, ended: true };
  }
  return { lease: current, ended: false };
}

import type { Db, MongoClient } from 'mongodb';
import type { Clock } from './clock.ts';
import { createCompletion } from './completion.ts';
import { createPositionClaims } from './position-claims.ts';
import { createCommits } from './position-commit.ts';
import { createPositionStages } from './position-stages.ts';
import { createPositionSummary } from './position-summary.ts';
import type { Positions } from './positions-interface.ts';

/** The group-write engine: who reads what, how far it came, and everything that is stored on the way. */
export function createPositions(db: Db, client: MongoClient, clock: Clock): Positions {
  const commits = createCommits(db, client, clock);
  return {
    ...createPositionStages(db, client),
    ...createPositionClaims(db, clock),
    ...createPositionSummary(db),
    commit: commits.commit,
    complete: createCompletion(db, client, clock, commits),
  };
}

import { noCounts } from '../kit/counters.ts';
import type { Counters as Counts, Window } from '../kit/counters.ts';

/** `principal` is the id of the user who is charged, or `token …`. */
export type UserWindow = Window & { kind: 'requests' | 'uploads' };

export interface Counters extends Counts<UserWindow> {
  /** `notices` tell collaborators by mail that somebody downloaded a file. */
  downloads: { files: number; bytes: number; notices: number };
  /** Credentials that reached the download host, where none belongs. */
  leakedCredentials: number;
}

export const createCounters = (): Counters => ({
  ...noCounts<UserWindow>(),
  downloads: { files: 0, bytes: 0, notices: 0 },
  leakedCredentials: 0,
});

import { noCounts } from '../kit/counters.ts';
import type { Counters as Counts, Window } from '../kit/counters.ts';

/** `principal` is the id of the user who is charged, or `token …`. */
export type UserWindow = Window & { kind: 'requests' | 'uploads' };

export interface Counters extends Counts<UserWindow> {
  downloads: { files: number; bytes: number };
  /** Credentials that reached the download host, where none belongs. */
  leakedCredentials: number;
}

export const createCounters = (): Counters => ({
  ...noCounts<UserWindow>(),
  downloads: { files: 0, bytes: 0 },
  leakedCredentials: 0,
});

import { noCounts } from '../kit/counters.ts';
import type { Counters as Counts, Window } from '../kit/counters.ts';

export type BucketWindow = Window & { bucket: string };
export type Counters = Counts<BucketWindow>;

export const createCounters = (): Counters => noCounts<BucketWindow>();

import type { Fault } from './fault.ts';

/** Every kind of fault there is; each strikes at least once in the tests. */
export const kinds: readonly Fault[] = [];

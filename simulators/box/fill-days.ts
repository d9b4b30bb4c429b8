import type { BoxState } from './state.ts';

export const DAY = 86_400_000;

/** A moment so many days from now. */
export const addDays = (state: BoxState, days: number): number => state.now() + days * DAY;

import { expect } from 'vitest';
import type { ActionState, Before } from '../../connectors/connector.ts';

/** What an action cost is what its plan told, give or take a quarter or two calls. */
export function expectCost(what: string, cost: number, told: number): void {
  if (Math.abs(cost - told) > Math.max(2, cost / 4)) expect(`${what} cost ${cost} calls`).toBe(`${told} calls`);
}

/** Of `apply`, as `read` tells it. */
export const toldOf = ({ calls, rereads = 0, once = 0 }: Before<ActionState>, reading: number): number =>
  calls + rereads * (reading - once);

import type { ConnectionState } from './messages.ts';

export const newState = (): ConnectionState => ({
  version: 1,
  phase: 'connecting',
  scan: { number: 0 },
  rescansServed: 0,
  stages: {},
  waits: {},
  watch: { round: 0, changes: 0 },
  actions: { taken: 0, running: 0 },
  runs: 1,
});

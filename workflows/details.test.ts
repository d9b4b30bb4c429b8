import { describe, expect, it } from 'vitest';
import { details } from './details.ts';
import { noCounts, type ConnectionState } from './messages.ts';

const input = { connectionId: 'con_1', title: 'Okta · acme', app: 'okta' };
const state: ConnectionState = {
  version: 1,
  phase: 'scanning',
  scan: { number: 2, startedAt: '2026-01-01T00:00:00.000Z', stage: 'users' },
  rescansServed: 0,
  stages: {
    users: {
      phase: 'running',
      parts: { total: 3, done: 1, failed: 0 },
      counts: { ...noCounts, unchanged: 400 },
      eta: {
        at: '2026-01-01T10:00:00.000Z',
        earliest: '2026-01-01T09:10:00.000Z',
        latest: '2026-01-01T11:30:00.000Z',
        basis: 'previous scan',
      },
    },
  },
  waits: {},
  watch: { round: 0, changes: 0 },
  actions: { taken: 0, running: 0 },
  runs: 1,
};

describe('the details in the Temporal UI', () => {
  it('tell when a stage ends, how sure that is and what tells it', () => {
    expect(details(input, state)).toContain(
      '| users | running | 1/3 | 400 | 2026-01-01 10:00 (2026-01-01 09:10 to 2026-01-01 11:30, by the scans before) |',
    );
    const { eta: _, ...without } = state.stages.users!;
    expect(details(input, { ...state, stages: { users: without } })).toContain(
      '| users | running | 1/3 | 400 |  | 0 |',
    );
  });

  it('say that a scan does not end inside its interval', () => {
    const notice = { kind: 'interval-too-short', what: 'too slow', who: 'operator' as const, remedy: 'do', since: '' };
    expect(details(input, { ...state, scan: { ...state.scan, notice } })).toContain('too slow; do');
    expect(details(input, state)).not.toContain('too slow');
  });
});

import { describe, expect, it } from 'vitest';
import type { ConnectionDocument } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import { noCounts } from '../workflows/messages.ts';
import { connectionLine, connectionView, withProgress } from './connection-view.ts';

const eta = { at: '2026-01-01T10:00', earliest: '2026-01-01T09:00', latest: '2026-01-01T12:00', basis: 'app' as const };
const notice = { kind: 'interval-too-short', what: 'too slow', who: 'operator' as const, since: '2026-01-01T01:00' };
const counts = { ...noCounts, added: 7 };
const connection = {
  _id: 'con_1',
  wanted: 'running',
  scanEveryMs: 60_000,
  state: {
    phase: 'scanning',
    watch: { round: 3, changes: 0, lastAt: '2026-01-01T07:00:00.000Z' },
    scan: { number: 1, stage: 'users', notice },
    stages: { users: { phase: 'running', parts: { total: 1, done: 0, failed: 0 }, counts: noCounts, eta } },
  },
} as unknown as ConnectionDocument;

describe('a connection that scans', () => {
  it('tells when a stage ends beside how far it has come by now', async () => {
    const summary = async () => ({ counts, total: 2, done: 1, skipped: 0, failed: 0, estimate: 9 });
    const lookedAt = async () => new Date('2026-01-01T08:00:00Z');
    const shown = connectionView(
      await withProgress({ positions: { summary, lookedAt } } as unknown as Store, connection),
      () => true,
    );
    expect(shown.watch).toMatchObject({ round: 3, lastAt: '2026-01-01T08:00:00.000Z' });
    expect(shown.stages.users).toMatchObject({ eta, counts, estimate: 9, parts: { total: 2, done: 1 } });
  });

  it('says that it is too slow for its interval, in lists too', () => {
    expect(connectionView(connection, () => true).scan?.notice).toEqual(notice);
    expect(connectionLine(connection, () => true).scan?.notice).toEqual(notice);
  });
});

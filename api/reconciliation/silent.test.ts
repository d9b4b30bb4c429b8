import { expect, it } from 'vitest';
import type { ConnectionOutline } from '../../store/reconciliation.ts';
import { newState } from '../../workflows/new-state.ts';
import type { ConnectionState } from '../../workflows/messages.ts';
import { silent } from './silent.ts';

const now = new Date('2026-01-01T12:00:00Z');
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const outline = (change: Partial<ConnectionOutline>, state: Partial<ConnectionState> = {}): ConnectionOutline => ({
  _id: 'con_a',
  wanted: 'running',
  rescanWanted: 0,
  credentialVersion: 1,
  createdAt: ago(600),
  updatedAt: ago(60),
  state: { ...newState(), phase: 'watching', ...state },
  ...change,
});
const timing = { scanEveryMs: 1, parallel: 1, watchMinMs: 1, watchMaxMs: 3_600_000, troubleMs: 1 };

async function look(connection: ConnectionOutline, looked?: Date, workflowId = 'connection/con_a') {
  const asked: string[] = [];
  const workflows = [{ workflowId, runId: 'r', startedAt: ago(600) }];
  const lookedAt = (ids: readonly string[]) => {
    asked.push(...ids);
    return Promise.resolve(new Map(looked ? [['con_a', looked]] : []));
  };
  const found = await silent({ connections: [connection], workflows, now, patienceMs: 60_000 }, lookedAt);
  return { asked, told: found.map(({ what }) => what) };
}

it('suspects what shows nothing for longer than two looks for changes, and what is long due', async () => {
  expect((await look(outline({}))).told).toEqual(['nothing was seen of it since 2026-01-01T11:00:00.000Z']);
  expect((await look(outline({}), ago(11))).told).toEqual(['nothing was seen of it since 2026-01-01T11:49:00.000Z']);
  expect((await look(outline({}, { phase: 'scanning' }))).told).toHaveLength(1);
  const nextScanAt = ago(11).toISOString();
  expect((await look(outline({}, { nextScanAt }), ago(1))).told).toEqual([`its scan is due since ${nextScanAt}`]);
});

it.each<[string, ConnectionOutline, Date?]>([
  ['looks go on', outline({}), ago(9)],
  ['looks are seldom by its own wish', outline({}, { settings: timing }), ago(100)],
  ['a scan goes on that was long due', outline({}, { phase: 'scanning', nextScanAt: ago(11).toISOString() }), ago(1)],
  ['its scan is hardly due', outline({}, { nextScanAt: ago(9).toISOString() }), ago(1)],
])('suspects none where %s', async (_why, connection, looked) => {
  expect((await look(connection, looked)).told).toEqual([]);
});

it.each<[string, ConnectionOutline, string?]>([
  ['wrote its state of late', outline({ updatedAt: ago(9) })],
  ['is paused', outline({ wanted: 'paused' }, { phase: 'paused' })],
  ['waits for credentials', outline({}, { phase: 'needsCredentials' })],
  ['is disconnected', outline({ wanted: 'disconnected' }, { phase: 'disconnected' })],
  ['has no workflow', outline({}), 'connection/con_b'],
])('does not even ask about one that %s', async (_why, connection, workflowId) => {
  expect(await look(connection, undefined, workflowId)).toEqual({ asked: [], told: [] });
});

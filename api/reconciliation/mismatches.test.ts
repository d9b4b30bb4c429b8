import { describe, expect, it } from 'vitest';
import type { ActionBacklog } from '../../store/actions-interface.ts';
import type { ConnectionOutline } from '../../store/reconciliation.ts';
import type { ConnectionState } from '../../workflows/messages.ts';
import { mismatches, type World } from './mismatches.ts';

const now = new Date('2026-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
const old = ago(3_600);

function connection(change: Partial<ConnectionOutline> = {}, state: Partial<ConnectionState> | null = {}) {
  const outline: ConnectionOutline = {
    _id: 'con_a',
    wanted: 'running',
    rescanWanted: 0,
    credentialVersion: 1,
    createdAt: old,
    updatedAt: old,
    state:
      state === null
        ? null
        : {
            version: 1,
            phase: 'watching',
            scan: { number: 1 },
            rescansServed: 0,
            stages: {},
            waits: {},
            ...rest,
            ...state,
          },
    ...change,
  };
  return outline;
}
const rest = { watch: { round: 1, changes: 0 }, actions: { taken: 0, running: 0 }, runs: 1 };
const workflow = (id = 'connection/con_a', startedAt = old) => ({ workflowId: id, runId: 'r', startedAt });
const waiting: ActionBacklog = {
  connectionId: 'con_a',
  waiting: 2,
  oldest: 'act_1',
  since: ago(90),
  movedAt: ago(90),
  heldUntil: null,
};
const look = (world: Partial<World>) =>
  mismatches({ connections: [connection()], workflows: [workflow()], backlog: [], now, patienceMs: 60_000, ...world });
const casesOf = (world: Partial<World>) => look(world).map((each) => each.case);
const casesFor = (one: ConnectionOutline, more: Partial<World> = {}) => casesOf({ connections: [one], ...more });

it('finds nothing where all is well', () => {
  expect(look({})).toEqual([]);
});

describe('a connection without a workflow', () => {
  const none = { workflows: [] };
  it.each<[string, ConnectionOutline]>([
    ['that runs', connection()],
    ['that never started', connection({}, null)],
    ['that is paused', connection({ wanted: 'paused' }, { phase: 'paused' })],
    ['whose disconnect did not end', connection({ wanted: 'disconnected' }, { phase: 'disconnecting' })],
    ['whose erase did not end', connection({ wanted: 'erased' }, { phase: 'erasing' })],
    ['that is disconnected and to be erased', connection({ wanted: 'erased' }, { phase: 'disconnected' })],
    ['that was a duplicate and is to be erased', connection({ wanted: 'erased' }, { phase: 'duplicate' })],
  ])('is found: one %s', (_what, one) => {
    expect(casesFor(one, none)).toEqual(['workflowMissing']);
  });

  it.each<[string, ConnectionOutline]>([
    ['new', connection({ createdAt: ago(59) }, null)],
    ['disconnected', connection({ wanted: 'disconnected' }, { phase: 'disconnected' })],
    ['erased', connection({ wanted: 'erased', receipt: { erasedAt: old, deleted: {} } }, { phase: 'erased' })],
    ['a duplicate', connection({}, { phase: 'duplicate' })],
  ])('is as it should be: one that is %s', (_what, one) => {
    expect(casesFor(one, none)).toEqual([]);
  });
});

describe('a wish', () => {
  it.each([
    ['paused', 'watching', 'pause'],
    ['paused', 'needsCredentials', 'pause'],
    ['running', 'paused', 'resume'],
    ['disconnected', 'scanning', 'disconnect'],
    ['erased', 'paused', 'disconnect'],
  ] as const)('to be %s, of one that is %s, is told again', (wanted, phase, update) => {
    const one = (wantedAt?: Date) => connection({ wanted, ...(wantedAt && { wantedAt }) }, { phase });
    expect(look({ connections: [one(ago(61))] })).toMatchObject([{ case: 'wishNotObeyed', update }]);
    expect(casesFor(one())).toEqual(['wishNotObeyed']);
    expect(casesFor(one(ago(59)))).toEqual([]);
  });

  it.each([
    ['running', 'needsCredentials'],
    ['running', 'connecting'],
    ['disconnected', 'disconnecting'],
    ['erased', 'erasing'],
  ] as const)('to be %s is obeyed by one that is %s', (wanted, phase) => {
    const refused = { refusedCredentialVersion: 1 };
    expect(casesFor(connection({ wanted }, { phase, ...refused }))).toEqual([]);
  });

  it('for a scan is told again while nothing scans', () => {
    const wished = { rescanWanted: 3, rescanWantedAt: ago(61) };
    expect(casesFor(connection(wished, { rescansServed: 2 }))).toEqual(['rescanNotBegun']);
    expect(casesFor(connection(wished, { rescansServed: 3 }))).toEqual([]);
    expect(casesFor(connection(wished, { phase: 'scanning' }))).toEqual([]);
    expect(casesFor(connection({ ...wished, rescanWantedAt: ago(59) }))).toEqual([]);
  });

  it('for another credential is told again until it is proved or refused', () => {
    const given = { credentialVersion: 2, credentialAt: ago(61) };
    const parked = { phase: 'needsCredentials', refusedCredentialVersion: 1 } as const;
    expect(casesFor(connection({ ...given, provedCredentialVersion: 1 }))).toEqual(['credentialNotTried']);
    expect(casesFor(connection({ ...given, provedCredentialVersion: 1 }, parked))).toEqual(['credentialNotTried']);
    expect(casesFor(connection(given))).toEqual([]);
    expect(casesFor(connection({ ...given, provedCredentialVersion: 2 }))).toEqual([]);
    expect(casesFor(connection(given, { ...parked, refusedCredentialVersion: 2 }))).toEqual([]);
    expect(casesFor(connection({ ...given, credentialAt: ago(59), provedCredentialVersion: 1 }))).toEqual([]);
  });
});

describe('actions that wait', () => {
  it('are told again where the lane could take them up', () => {
    expect(look({ backlog: [waiting] })).toMatchObject([{ case: 'actionNotTakenUp', actionId: 'act_1' }]);
  });

  it.each<[string, Partial<ActionBacklog>, ConnectionOutline]>([
    ['just asked for', { since: ago(30), movedAt: ago(30) }, connection()],
    ['behind others that come on', { movedAt: ago(5) }, connection()],
    ['behind one that is worked on', { heldUntil: ago(-5) }, connection()],
    ['for a pause to end', {}, connection({ wanted: 'paused' }, { phase: 'paused' })],
    ['for a credential', {}, connection({}, { phase: 'needsCredentials', refusedCredentialVersion: 1 })],
    [
      'for the app’s limit',
      {},
      connection({}, { waits: { actions: { reason: 'throttled', why: '', until: ago(-60).toISOString() } } }),
    ],
  ])('are left alone: %s', (_what, backlog, one) => {
    expect(casesFor(one, { backlog: [{ ...waiting, ...backlog }] })).toEqual([]);
  });
});

describe('a workflow without a connection', () => {
  const erased = connection({ _id: 'con_b', wanted: 'erased', receipt: { erasedAt: old, deleted: {} } });
  const orphan = workflow('connection/con_b');

  it('is found when the connection was erased or deleted', () => {
    for (const connections of [[connection()], [connection(), erased]])
      expect(look({ connections, workflows: [workflow(), orphan] })).toEqual([
        { case: 'workflowOrphaned', workflow: orphan, connectionId: 'con_b', what: expect.any(String) as string },
      ]);
  });

  it('is left alone while it is new', () => {
    expect(casesOf({ workflows: [workflow(), workflow('connection/con_b', ago(30))] })).toEqual([]);
  });

  it.each<[string, Partial<World>, RegExp]>([
    ['a foreign id', { workflows: [workflow(), workflow('billing')] }, /not started by Castellan/],
    ['an empty database', { connections: [], workflows: [orphan] }, /CASTELLAN_DATABASE/],
    [
      'many at once',
      { workflows: [workflow(), ...Array.from({ length: 6 }, (_, n) => workflow(`connection/con_x${n}`))] },
      /there are 6 such/,
    ],
  ])('is only reported: %s', (_what, world, why) => {
    const found = look(world);
    expect(found.length).toBeGreaterThan(0);
    for (const each of found)
      expect(each).toMatchObject({ case: 'workflowOrphaned', suspicious: expect.stringMatching(why) as string });
  });
});

import type { Document } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { part, useOpenPositions } from '../test/support/open-positions.ts';
import { createAgenda } from './agenda.ts';

const at = useOpenPositions();
const minute = 60_000;
const inMs = (ms: number) => new Date(Date.now() + ms);
const agenda = createAgenda(at.db, { now: () => new Date() });
const insert = (collection: string, connectionId: string, doc: Document) =>
  at.db.collection(collection).insertOne({ connectionId, ...doc });

describe('what a round finds to do', () => {
  it('is nothing of a new connection, and nothing of another one', async () => {
    const [con, other] = [await at.connect(), await at.connect()];
    await at.positions.ensureFeed(other, 'users', part(''));
    await insert('pending', other, { notBefore: null });
    await insert('spreads', other, {});
    await insert('actions', other, { state: 'requested' });
    await insert('subscriptions', other, { createdAt: new Date() });
    expect(await agenda(con, 1)).toEqual({
      feedsLeft: new Map(),
      pending: false,
      holds: false,
      spreads: false,
      actions: false,
      subscription: null,
    });
  });

  it('counts the feeds that could be claimed, and names those of which none is left', async () => {
    const con = await at.connect();
    for (const id of ['a', 'b', 'c', 'd']) await at.positions.ensureFeed(con, 'files', part(id));
    await at.positions.ensureFeed(con, 'pending', part(''));
    const claim = async () => (await at.positions.claimFeed(con, 7, 'w', minute)).lease!;
    await at.positions.completeRound(await claim(), 7);
    await at.positions.release(await claim(), minute);
    await claim();
    const left = async (round: number) => (await agenda(con, round)).feedsLeft;
    expect(await left(7)).toEqual(
      new Map([
        ['files', 1],
        ['pending', 1],
      ]),
    );
    expect(await left(8)).toEqual(
      new Map([
        ['files', 2],
        ['pending', 1],
      ]),
    );
    expect((await left(0)).get('files')).toBe(0);
  });

  it('tells of refs that are due, and not of those that wait', async () => {
    const con = await at.connect();
    await insert('pending', con, { notBefore: inMs(minute) });
    expect(await agenda(con, 1)).toMatchObject({ pending: false });
    await insert('pending', con, { notBefore: null });
    expect(await agenda(con, 1)).toMatchObject({ pending: true });
  });

  it('tells of actions that a step can advance, and of held outcomes that are due', async () => {
    const con = await at.connect();
    const hold = { until: inMs(minute), checkAt: inMs(minute) };
    await insert('actions', con, { state: 'done', hold });
    await insert('actions', con, { state: 'planned' });
    await insert('actions', con, { state: 'done', hold: { ...hold, checkAt: inMs(-1), endedAt: new Date() } });
    expect(await agenda(con, 1)).toMatchObject({ actions: false, holds: false });
    await insert('actions', con, { state: 'done', hold: { ...hold, checkAt: inMs(-1) } });
    expect(await agenda(con, 1)).toMatchObject({ actions: false, holds: true });
    await insert('actions', con, { state: 'pending' });
    expect(await agenda(con, 1)).toMatchObject({ actions: true, holds: true });
  });

  it('tells of what is to be spread, and the newest subscription', async () => {
    const con = await at.connect();
    await insert('spreads', con, { since: new Date() });
    await insert('subscriptions', con, { vendorId: 'old', createdAt: inMs(-minute) });
    await insert('subscriptions', con, { vendorId: 'new', createdAt: new Date() });
    expect(await agenda(con, 1)).toMatchObject({ spreads: true, subscription: { vendorId: 'new' } });
  });
});

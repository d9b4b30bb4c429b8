import { describe, expect, it } from 'vitest';
import { account, group, page, part, useOpenPositions } from '../test/support/open-positions.ts';

const at = useOpenPositions();
const { pending, positions } = at;
const ref = (vendorId: string) => ({ kind: 'accounts' as const, vendorId });

async function drain(con: string) {
  await positions.ensureFeed(con, 'pending', part(''));
  return (await positions.claimFeed(con, 9, 'drain', 60_000, { stage: 'pending', partId: '' })).lease!;
}

describe('what is to be looked at again', () => {
  it('is merged, and settled only as far as it was seen', async () => {
    const con = await at.connect();
    await pending.add(con, [ref('a'), ref('a'), ref('b'), { ...ref('c'), part: 'p' }]);
    expect(await pending.count(con)).toBe(3);
    const taken = await pending.take(con, 9);
    await pending.add(con, [ref('b')]);
    const done = await positions.commit(await drain(con), {
      ...group(page([account('a'), account('b'), account('c')], new Date())),
      settled: taken,
      absent: { refs: [ref('z')], observedAt: new Date() },
    });
    expect(done.counts).toMatchObject({ added: 3 });
    expect((await pending.take(con, 9)).map((doc) => doc.vendorId)).toEqual(['b']);
    expect(await at.row('accounts', con, 'c')).toMatchObject({ part: 'p' });
    expect(await at.records.get(con, 'accounts', 'z')).toBeNull();
  });

  it('is added by a group in its own transaction', async () => {
    const con = await at.connect();
    const lease = await at.take(con, 1);
    await positions.commit(lease, { ...group(page([])), touched: [ref('x'), ref('y')] });
    expect(await pending.count(con)).toBe(2);
    await expect(positions.commit(lease, { ...group(page([])), touched: [ref('late')] })).rejects.toThrow('no longer');
    expect(await pending.count(con)).toBe(2);
  });

  it('waits when it could not be told, and is given up after so many tries', async () => {
    const con = await at.connect();
    await pending.add(con, [ref('a'), ref('b')]);
    expect(await pending.defer(await pending.take(con, 9), () => 60_000, 2)).toEqual({ givenUp: [] });
    expect(await pending.take(con, 9)).toEqual([]);
    await pending.add(con, [ref('a')]);
    expect((await pending.take(con, 9)).map((doc) => [doc.vendorId, doc.tries])).toEqual([['a', 0]]);

    await pending.defer(await pending.take(con, 9), () => 0, 3);
    const again = await pending.take(con, 9);
    await pending.add(con, [ref('a')]);
    // Told anew since it was taken: neither given up nor put off.
    expect(await pending.defer(again, () => 60_000, 2)).toEqual({ givenUp: [] });
    const fresh = await pending.take(con, 9);
    expect(fresh.map((doc) => doc.vendorId)).toEqual(['a']);
    const { givenUp } = await pending.defer(fresh, () => 0, 1);
    expect(givenUp.map((doc) => doc.vendorId)).toEqual(['a']);
    expect(await pending.count(con)).toBe(1);
  });

  it('takes the same refs from many at once', async () => {
    const con = await at.connect();
    await Promise.all(Array.from({ length: 8 }, () => pending.add(con, [ref('a'), ref('b')])));
    expect(await pending.count(con)).toBe(2);
  });
});

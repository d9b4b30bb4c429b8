import { expect, it } from 'vitest';
import { useOpenPositions } from '../test/support/open-positions.ts';
import { isDuplicateKey } from './duplicate-key.ts';
import { inTransaction } from './in-transaction.ts';

const at = useOpenPositions();
const things = () => at.db.collection<{ _id: string; by: string }>('groups');

it('begins again when another has inserted the same document since', async () => {
  let tries = 0;
  const found = await inTransaction(at.client, async (session) => {
    tries += 1;
    const there = await things().findOne({ _id: 'one' }, { session });
    if (there) return there.by;
    if (tries === 1) await things().insertOne({ _id: 'one', by: 'other' });
    await things().insertOne({ _id: 'one', by: 'me' }, { session });
    return 'me';
  });
  expect({ found, tries }).toEqual({ found: 'other', tries: 2 });
});

it('begins again after a duplicate that the server tells as such', async () => {
  await things().insertOne({ _id: 'two', by: 'other' });
  let tries = 0;
  const done = await inTransaction(at.client, async (session) => {
    tries += 1;
    if (tries === 1) await things().insertOne({ _id: 'two', by: 'me' }, { session });
    return 'seen';
  });
  expect({ done, tries }).toEqual({ done: 'seen', tries: 2 });
  expect(
    isDuplicateKey(
      await things()
        .insertOne({ _id: 'two', by: 'me' })
        .catch((error: unknown) => error),
    ),
  ).toBe(true);
});

it('leaves nothing behind and does not repeat what fails otherwise', async () => {
  let tries = 0;
  const failing = inTransaction(at.client, async (session) => {
    tries += 1;
    await things().insertOne({ _id: 'three', by: 'me' }, { session });
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(tries).toBe(1);
  expect(await things().findOne({ _id: 'three' })).toBeNull();
});

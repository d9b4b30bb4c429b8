import { MongoNetworkError, MongoServerError } from 'mongodb';
import { expect, it } from 'vitest';
import { openWhenThere } from './open-when-there.ts';
import type { Store } from './store.ts';

const said: string[] = [];
const options = {
  uri: 'mongodb://127.0.0.1:9/',
  database: 'none',
  key: null,
  logger: { warn: (details: object, message: string) => void said.push(`${message} ${JSON.stringify(details)}`) },
};
const never = () => Promise.reject(new Error('not asked here'));

it('asks until MongoDB is there, saying so each time', async () => {
  const closed: number[] = [];
  let tries = 0;
  const open = async (): Promise<Store> => {
    tries += 1;
    if (tries === 1) throw new MongoNetworkError('connect ECONNREFUSED');
    const n = tries;
    const ensureIndexes = async () => {
      if (n === 2) throw new MongoNetworkError('connection closed');
    };
    return { ensureIndexes, close: async () => void closed.push(n) } as Partial<Store> as Store;
  };
  await openWhenThere(options, { open, againMs: 1 });
  expect([tries, closed]).toEqual([3, [2]]);
  expect(said).toEqual([
    'MongoDB is away, asked again soon {"why":"connect ECONNREFUSED"}',
    'MongoDB is away, asked again soon {"why":"connection closed"}',
  ]);
});

it('does not wait where waiting mends nothing', async () => {
  const refused = new MongoServerError({ message: 'Authentication failed.', code: 18 });
  await expect(openWhenThere(options, { open: () => Promise.reject(refused) })).rejects.toBe(refused);
  await expect(openWhenThere(options, { open: never })).rejects.toThrow('not asked here');
});

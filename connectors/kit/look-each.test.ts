import { describe, expect, it } from 'vitest';
import type { Ref } from '../pages.ts';
import { Failure, type FailureKind } from './failures.ts';
import { lookEach } from './look-each.ts';

const refs = (count: number): Ref[] =>
  Array.from({ length: count }, (_, at) => ({ kind: 'files', vendorId: String(at) }));
/** `how` says how the app fails on some; it answers the others. */
const look = (count: number, how: Record<number, FailureKind>) =>
  lookEach<string>(refs(count), ({ vendorId }) => {
    const kind = how[Number(vendorId)];
    return kind ? Promise.reject(new Failure(kind, kind)) : Promise.resolve({ records: [vendorId] });
  });
const all = (count: number, kind: FailureKind) => Object.fromEntries(refs(count).map((_, at) => [at, kind]));

describe('a look at each', () => {
  it('leaves open what the app fails on while it answers others', async () => {
    const { records, unknown } = await look(4, { 0: 'unavailable', 2: 'restart', 3: 'forbidden' });
    expect(records).toEqual(['1']);
    expect(unknown.map(({ vendorId }) => vendorId)).toEqual(['0', '2', '3']);
  });

  it('ends when the app fails on all, and asks no more when it failed on the first few', async () => {
    await expect(look(2, all(2, 'unavailable'))).rejects.toMatchObject({ kind: 'unavailable' });
    let asked = 0;
    const away = lookEach(refs(100), () => {
      asked += 1;
      return Promise.reject(new Failure('unavailable', 'away'));
    });
    await expect(away).rejects.toMatchObject({ kind: 'unavailable' });
    expect(asked).toBeLessThan(10);
    expect((await look(3, all(3, 'forbidden'))).unknown).toHaveLength(3);
  });

  it.each(['throttled', 'unauthorized'] as const)('ends with %s, which concerns all', async (kind) => {
    await expect(look(3, { 2: kind })).rejects.toMatchObject({ kind });
  });
});

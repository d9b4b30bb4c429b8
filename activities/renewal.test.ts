import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LeaseLost } from '../store/lease-lost.ts';
import { Renewal } from './renewal.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTime(ms);

it('prolongs a lease when a third of it has gone, whatever is done to the clock on the wall', async () => {
  const renewal = new Renewal(3_000);
  const prolong = vi.fn(async () => undefined);
  pass(900);
  await renewal.renew(prolong);
  expect(prolong).not.toHaveBeenCalled();
  vi.setSystemTime(Date.now() - 600_000);
  pass(100);
  await renewal.renew(prolong);
  expect(prolong).toHaveBeenCalledExactlyOnceWith(3_000);
  pass(2_999);
  expect(renewal.over).toBe(false);
  pass(1);
  expect(renewal.over).toBe(true);
});

it('tries again with the next beat when it could not be prolonged, until it is over', async () => {
  const renewal = new Renewal(3_000);
  pass(2_000);
  await expect(renewal.renew(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(renewal.over).toBe(false);
  await renewal.renew(async () => undefined);
  pass(2_000);
  expect(renewal.over).toBe(false);
});

it('is over at once when somebody else has the lease', async () => {
  const renewal = new Renewal(3_000);
  pass(1_000);
  await expect(renewal.renew(() => Promise.reject(new LeaseLost('gone')))).rejects.toThrow(LeaseLost);
  expect(renewal.over).toBe(true);
});

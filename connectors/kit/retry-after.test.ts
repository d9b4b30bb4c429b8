import { describe, expect, it } from 'vitest';
import { quotaReading, retryAfter } from './retry-after.ts';

const at = new Date('2026-05-02T10:00:00Z');
const epoch = at.getTime() / 1000;
const headers = (entries: Record<string, string | string[]>) =>
  new Map(Object.entries(entries).map(([name, value]) => [name, [value].flat()]));

describe('retryAfter', () => {
  it.each([
    ['seconds', { 'retry-after': '17' }, 17_000],
    ['a fraction', { 'retry-after': '2.5' }, 2_500],
    ['an HTTP date, by the Date of the answer', { 'retry-after': 'Sat, 02 May 2026 10:02:00 GMT' }, 120_000],
    ['epoch seconds', { 'x-rate-limit-reset': String(epoch + 30) }, 30_000],
    ['epoch milliseconds', { 'x-ratelimit-reset': String((epoch + 45) * 1000) }, 45_000],
    ['delta seconds of the trio', { 'ratelimit-reset': '12' }, 12_000],
    ['the structured field', { ratelimit: '"default";r=0;t=25' }, 25_000],
    ['its older draft', { ratelimit: 'limit=100, remaining=0, reset=9' }, 9_000],
    ['milliseconds', { 'retry-after-ms': '1500' }, 1_500],
    ['the longest of several', { 'retry-after': '5', 'x-rate-limit-reset': String(epoch + 40) }, 40_000],
    ['the longest of repeated ones', { 'retry-after': ['5', '50'] }, 50_000],
    ['more than an hour as it is', { 'retry-after': '86400' }, 86_400_000],
    ['now as a second', { 'retry-after': '0' }, 1_000],
    ['nothing as the default', {}, 60_000],
    ['a negative figure as the default', { 'retry-after': '-3' }, 60_000],
    ['ten years as the default', { 'retry-after': '315360000' }, 60_000],
    ['a date in ten years as the default', { 'x-rate-limit-reset': String(epoch + 315_360_000) }, 60_000],
    ['milliseconds beyond a month as the default', { 'retry-after-ms': '3000000000' }, 60_000],
    ['a past date as the default', { 'retry-after': 'Sat, 02 May 2026 09:00:00 GMT' }, 60_000],
    ['nonsense as the default', { 'retry-after': 'soon', 'x-rate-limit-reset': 'NaN' }, 60_000],
    ['an empty value as the default', { 'retry-after': ' ' }, 60_000],
  ] as const)('reads %s', (_, given, expected) => {
    expect(retryAfter(headers(given as unknown as Record<string, string>), at)).toBe(expected);
  });

  it('takes the default it is given', () => {
    expect(retryAfter(new Map(), at, 50)).toBe(50);
  });
});

describe('quotaReading', () => {
  it('reads the trio and the narrowest of repeated windows', () => {
    const given = headers({
      'x-rate-limit-limit': ['600', '50'],
      'x-rate-limit-remaining': ['599', '3'],
      'x-rate-limit-reset': String(epoch + 20),
    });
    expect(quotaReading(given, at)).toEqual({ limit: 50, remaining: 3, resetInMs: 20_000 });
  });
  it('reads the structured fields', () => {
    const given = headers({ 'ratelimit-policy': '"burst";q=100;w=60', ratelimit: '"burst";r=50;t=30' });
    expect(quotaReading(given, at)).toEqual({ limit: 100, remaining: 50, resetInMs: 30_000 });
  });
  it('is undefined without headers, and nothing but the limit where that marks a concurrency refusal', () => {
    expect(quotaReading(new Map(), at)).toBeUndefined();
    expect(quotaReading(headers({ 'x-rate-limit-limit': '0', 'x-rate-limit-remaining': '0' }), at)).toEqual({
      limit: 0,
    });
  });
});

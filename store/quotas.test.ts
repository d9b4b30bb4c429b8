import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useDatabase } from '../test/support/use-database.ts';
import { openQuotas } from './open-quotas.ts';
import type { QuotaAnswer, QuotaGrant, QuotaWant, Quotas } from './quotas-interface.ts';

const database = useDatabase();
let quotas: Quotas;
let close: () => Promise<void>;
const client = new MongoClient(database.uri);
const documents = () => client.db(database.name).collection<{ _id: string }>('quotas');

beforeAll(async () => {
  ({ quotas, close } = await openQuotas(database.uri, database.name, {
    times: {
      learnEveryMs: 5_000,
      probeMs: 30_000,
      refusedProbeMs: 10_000,
      longestStopMs: 60_000,
      concurrencyStopMs: [10_000, 20_000],
      halvedMs: 40_000,
    },
    random: () => 0.5,
  }));
});
afterAll(async () => {
  await close();
  await client.close();
});

/** One call takes 10 s, so that no test depends on how fast it runs. */
const slow = { limit: 10, windowMs: 80_000, share: 1, cost: 1, urgency: 'sweep', learn: false } as const;
const rate = (bucket: string, want: Partial<QuotaWant> = {}) => quotas.take(bucket, { kind: 'rate', ...slow, ...want });

function granted(answer: QuotaAnswer): QuotaGrant {
  if ('inMs' in answer) throw new Error(`refused: ${answer.why}`);
  return answer;
}
function refused(answer: QuotaAnswer) {
  if (!('inMs' in answer)) throw new Error('granted');
  return answer;
}
/** Sets all times that are stored back: to the quotas it is later, however fast the machine is. */
async function pass(bucket: string, ms: number): Promise<void> {
  const isTime = (value: unknown): value is number => typeof value === 'number' && value > 1e12;
  const earlier = (value: unknown): unknown => {
    if (isTime(value)) return value - ms;
    if (Array.isArray(value)) return value.map(earlier);
    if (value === null || typeof value !== 'object' || value instanceof Date) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, earlier(member)]));
  };
  const document = await documents().findOne({ _id: bucket });
  await documents().replaceOne({ _id: bucket }, earlier(document) as object);
}
async function stored(bucket: string): Promise<Record<string, unknown>> {
  const [document] = await quotas.list(bucket);
  return document!;
}

describe('a rate', () => {
  it('is paced at the limit less one call and the reserve', async () => {
    expect(granted(await rate('pace', { limit: 200, windowMs: 60_000 })).everyMs).toBeCloseTo(60_000 / 197, 6);
    expect(granted(await rate('pace-share', { limit: 400, share: 0.5, windowMs: 60_000 })).everyMs).toBeCloseTo(
      60_000 / 197,
      6,
    );
    expect(granted(await rate('pace-one', { limit: 1, windowMs: 60_000 })).everyMs).toBeCloseTo(60_000 / 0.9, 6);
    expect(granted(await rate('pace-cost', { limit: 200, cost: 5, windowMs: 60_000 })).everyMs).toBeCloseTo(
      300_000 / 193,
      6,
    );
  });

  it('hands out at most 250 ms of permits, and no more than are wanted', async () => {
    expect(granted(await rate('size', { limit: 1000, windowMs: 10_000, calls: 999 })).granted).toBe(24);
    expect(granted(await rate('size', { limit: 1000, windowMs: 10_000, calls: 3 })).granted).toBe(3);
    expect(granted(await rate('size-slow', { calls: 99 })).granted).toBe(1);
  });

  it('never grants the same time twice to many who ask at once', async () => {
    const want = { limit: 200, windowMs: 6_000_000, urgency: 'actions', withinMs: 6_000_000 } as const;
    const answers = await Promise.all(Array.from({ length: 20 }, () => rate('race', want)));
    const paced = answers.map(granted).filter(({ reserve }) => !reserve);
    const starts = paced.map(({ startsInMs }) => startsInMs).sort((one, other) => one - other);
    // One is of those that are kept for actions, and goes now.
    expect(starts.length).toBe(19);
    for (const [n, start] of starts.entries()) if (n > 0) expect(start - starts[n - 1]!).toBeGreaterThan(20_000);
  });

  it('lets watches book before sweeps, and actions before both', async () => {
    granted(await rate('order'));
    const sweep = refused(await rate('order')).inMs;
    const watch = refused(await rate('order', { urgency: 'watch' })).inMs;
    // It comes again that much sooner.
    expect(sweep - watch).toBeGreaterThanOrEqual(249);
    expect(watch).toBeGreaterThan(5_000);
    expect(granted(await rate('order', { urgency: 'actions', withinMs: 60_000 })).reserve).toBe(true);
    // The reserve is spent: the next call that is free, whoever else waits for it.
    const next = granted(await rate('order', { urgency: 'actions', withinMs: 60_000 }));
    expect(next.reserve).toBeUndefined();
    expect(next.startsInMs).toBeGreaterThan(watch);
    refused(await rate('order', { urgency: 'actions', withinMs: 1_000 }));
  });

  it('takes back what was not used', async () => {
    granted(await rate('back'));
    refused(await rate('back'));
    await quotas.giveBack('back', 1);
    granted(await rate('back'));
    const reserved = granted(await rate('back', { urgency: 'actions' }));
    expect(reserved.reserve).toBe(true);
    await quotas.giveBack('back', 1, reserved);
    expect(granted(await rate('back', { urgency: 'actions' })).reserve).toBe(true);
  });
});

describe('a throttle', () => {
  it('stops the bucket for everybody; one call reopens it', async () => {
    granted(await rate('stop', { limit: 1000 }));
    await quotas.observe('stop', { throttledForMs: 15_000 });
    for (const urgency of ['actions', 'watch', 'sweep'] as const)
      expect(refused(await rate('stop', { limit: 1000, urgency })).inMs).toBeLessThanOrEqual(15_750);
    await pass('stop', 20_000);
    const probe = granted(await rate('stop', { limit: 1000, calls: 50 }));
    expect(probe).toMatchObject({ granted: 1, probe: expect.any(String) });
    expect(refused(await rate('stop', { limit: 1000, urgency: 'actions' })).why).toMatch(/one call tries/);
    // An answer to a call of before the stop says nothing.
    await quotas.observe('stop', { ok: true });
    refused(await rate('stop', { limit: 1000 }));
    await quotas.observe('stop', { ok: true, probe: probe.probe });
    expect(granted(await rate('stop', { limit: 1000 })).probe).toBeUndefined();
  });

  it('lets another try when the first never answered', async () => {
    granted(await rate('lost'));
    await quotas.observe('lost', { throttledForMs: 1 });
    await pass('lost', 20);
    const first = granted(await rate('lost'));
    refused(await rate('lost'));
    await pass('lost', 35_000);
    expect(granted(await rate('lost')).probe).not.toBe(first.probe);
  });

  it('is waited longer each time that a try is refused', async () => {
    granted(await rate('again'));
    await quotas.observe('again', { throttledForMs: 1 });
    const waits: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      await pass('again', 20 + (waits.at(-1) ?? 0));
      const { probe } = granted(await rate('again'));
      await quotas.observe('again', { throttledForMs: 1, probe });
      // As it is stored: told a moment later, some of it would have passed.
      const { until, vendorUntil } = (await stored('again'))['stop'] as { until: number; vendorUntil: number };
      waits.push(until - vendorUntil);
    }
    expect(waits.map((ms) => Math.round(ms / 10_000))).toEqual([1, 2, 4]);
  });

  it('tries hourly, as configured, when the vendor wants longer', async () => {
    granted(await rate('long'));
    await quotas.observe('long', { throttledForMs: 86_400_000 });
    expect(refused(await rate('long')).inMs).toBeLessThanOrEqual(60_000);
  });

  it('halves a limit that no header told, once a stop, and raises it again to what is published', async () => {
    granted(await rate('halve', { limit: 100 }));
    await quotas.observe('halve', { throttledForMs: 3_000 });
    await quotas.observe('halve', { throttledForMs: 3_000 });
    expect(await stored('halve')).toMatchObject({ learned: 50 });
    await pass('halve', 8_000);
    await quotas.observe('halve', { ok: true, probe: granted(await rate('halve', { limit: 100 })).probe });
    let learned = 0;
    for (let n = 0; n < 25; n += 1) {
      await pass('halve', 5_500);
      await rate('halve', { limit: 100 });
      learned = (await stored('halve'))['learned'] as number;
    }
    expect(learned).toBe(100);
  });

  it('of concurrency halves the slots for a while and leaves the limit alone', async () => {
    const take = () => quotas.takeSlot('many', { limit: 4, holder: 'a', urgency: 'actions', leaseMs: 300_000 });
    expect((await take()).slot).not.toBeNull();
    await quotas.observe('many', { limit: 0, throttledForMs: 60_000 });
    const stopped = await take();
    expect(stopped).toMatchObject({ slot: null });
    expect('inMs' in stopped && stopped.inMs).toBeLessThanOrEqual(15_000);
    await pass('many', 18_000);
    expect((await take()).slot).not.toBeNull();
    expect((await take()).slot).toBeNull();
    await pass('many', 30_000);
    expect((await take()).slot).not.toBeNull();
    expect((await stored('many'))['learned']).toBeUndefined();
  });
});

describe('an unpublished limit', () => {
  it('is raised by 5 % only after a clean minute that used it, halved by a throttle, and remembered', async () => {
    const want = { limit: 10, windowMs: 10_000, learn: true, calls: 1 };
    for (let n = 0; n < 4; n += 1) {
      await rate('learn', want);
      await pass('learn', 6_000);
    }
    expect(((await stored('learn'))['learned'] as number | undefined) ?? 10).toBe(10);
    for (let n = 0; n < 12; n += 1) {
      for (let call = 0; call < 10; call += 1) await rate('learn', { ...want, urgency: 'actions' });
      await pass('learn', 2_000);
    }
    const raised = (await stored('learn'))['learned'] as number;
    expect(raised).toBeGreaterThan(10.4);
    await quotas.observe('learn', { throttledForMs: 10_000 });
    const again = await openQuotas(database.uri, database.name);
    refused(await again.quotas.take('learn', { kind: 'rate', ...slow, ...want }));
    expect((await again.quotas.list('learn'))[0]!['learned']).toBeCloseTo(raised / 2, 6);
    await again.close();
  });
});

describe('headers', () => {
  it('correct the limit downward at once and upward at a reset', async () => {
    granted(await rate('header', { limit: 600 }));
    expect(await quotas.observe('header', { limit: 300, remaining: 299, resetInMs: 80_000 })).toMatchObject({
      changed: true,
    });
    expect(await stored('header')).toMatchObject({ learned: 300, learnedFrom: 'headers' });
    await rate('header', { limit: 600 });
    await quotas.observe('header', { limit: 500, remaining: 499, resetInMs: 79_990 });
    expect(await stored('header')).toMatchObject({ learned: 300 });
  });

  it('slow everybody down until the reset when others use the limit too', async () => {
    const before = granted(await rate('shared', { limit: 600 })).everyMs;
    await quotas.observe('shared', { limit: 600, remaining: 61, resetInMs: 60_000 });
    const other = await openQuotas(database.uri, database.name);
    const answer = granted(
      await other.quotas.take('shared', { kind: 'rate', ...slow, limit: 600, urgency: 'actions' }),
    );
    await other.close();
    expect(answer.everyMs).toBeGreaterThan(before * 5);
    await quotas.observe('shared', { limit: 600, remaining: 0, resetInMs: 50_000 });
    const dry = refused(await rate('shared', { limit: 600, urgency: 'actions' }));
    expect(dry.why).toMatch(/nothing is left/);
    expect(dry.inMs).toBeGreaterThan(40_000);
  });

  it('are not written when they say what our own pace explains', async () => {
    granted(await rate('quiet', { limit: 600 }));
    expect(await quotas.observe('quiet', { limit: 600, remaining: 599, resetInMs: 80_000 })).toEqual({
      changed: false,
      eased: true,
    });
    for (let n = 1; n < 5; n += 1)
      expect(await quotas.observe('quiet', { limit: 600, remaining: 599 - n, resetInMs: 80_000 - n * 130 })).toEqual({
        changed: false,
      });
  });
});

describe('a budget', () => {
  const budget = (bucket: string, want: Partial<QuotaWant> = {}) =>
    quotas.take(bucket, {
      kind: 'budget',
      limit: 1000,
      windowMs: 1_000_000,
      share: 1,
      cost: 1,
      urgency: 'sweep',
      ...want,
    });

  it('is spread over what remains of its window; actions take at once, and the last of it', async () => {
    expect(granted(await budget('day')).everyMs).toBeCloseTo(1_000_000 / 990, 0);
    refused(await budget('day'));
    expect(granted(await budget('day', { urgency: 'actions' })).startsInMs).toBeLessThan(100);
    await quotas.observe('day', { remaining: 500, resetInMs: 100_000 });
    await quotas.giveBack('day', 1);
    expect(granted(await budget('day', { urgency: 'watch' })).everyMs).toBeCloseTo(100_000 / 491, 0);
    await quotas.observe('day', { remaining: 5 });
    expect(refused(await budget('day')).why).toMatch(/used up/);
    granted(await budget('day', { urgency: 'actions' }));
  });

  it('begins anew when its window has ended', async () => {
    granted(await budget('short', { limit: 1, windowMs: 60_000 }));
    refused(await budget('short', { limit: 1, windowMs: 60_000, urgency: 'actions' }));
    await pass('short', 60_020);
    granted(await budget('short', { limit: 1, windowMs: 60_000 }));
  });

  it('is corrected by what a call cost', async () => {
    granted(await budget('cost'));
    await quotas.observe('cost', { costMore: 41 });
    expect(await stored('cost')).toMatchObject({ spent: 42 });
  });
});

describe('slots', () => {
  const take = (bucket: string, urgency: 'actions' | 'watch' | 'sweep', leaseMs = 30_000) =>
    quotas.takeSlot(bucket, { limit: 3, holder: 'me', urgency, leaseMs });

  it('keep one for actions', async () => {
    expect((await take('kept', 'sweep')).slot).not.toBeNull();
    const second = await take('kept', 'watch');
    expect((await take('kept', 'sweep')).slot).toBeNull();
    expect((await take('kept', 'actions')).slot).not.toBeNull();
    expect((await take('kept', 'actions')).slot).toBeNull();
    await quotas.giveBackSlot('kept', second.slot!);
    // The action that was refused goes first.
    expect(await take('kept', 'sweep')).toMatchObject({ slot: null });
    expect((await take('kept', 'actions')).slot).not.toBeNull();
  });

  it('expire unless renewed, and are not revived once somebody asked for one', async () => {
    const [a, b] = [await take('lease', 'sweep', 20_000), await take('lease', 'sweep', 20_000)];
    await quotas.renewSlots('lease', [a.slot!], 90_000);
    expect((await take('lease', 'sweep')).slot).toBeNull();
    await pass('lease', 25_000);
    expect((await take('lease', 'sweep')).slot).not.toBeNull();
    await quotas.renewSlots('lease', [b.slot!], 30_000);
    await quotas.giveBackSlot('lease', a.slot!);
    expect((await take('lease', 'sweep')).slot).not.toBeNull();
  });

  it('that expired while MongoDB was away and nobody asked for one are held on', async () => {
    const [a, b] = [await take('away', 'sweep', 5_000), await take('away', 'sweep', 5_000)];
    await pass('away', 10_000);
    await quotas.renewSlots('away', [a.slot!, b.slot!], 30_000);
    expect((await take('away', 'sweep')).slot).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import type { Charge, Governor } from '../connectors/quota.ts';
import type { QuotaSpending } from '../store/quota-uses.ts';
import type { QuotaAnswer, QuotaWant, Quotas } from '../store/quotas-interface.ts';
import { rate as rateOf, VirtualScene } from '../test/support/virtual-scene.ts';
import { createGovernor } from './governor.ts';

const never = new AbortController().signal;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const rate = (bucket: string, rest: Partial<Charge> = {}) => rateOf(bucket, 100, 2_000, rest);

/** Quotas that grant what the test says and remember what was given back. */
function scripted(answers: Record<string, () => QuotaAnswer>) {
  const log: string[] = [];
  const take = async (bucket: string, want: QuotaWant) => {
    log.push(`take ${bucket} ${want.urgency}`);
    return answers[bucket]!();
  };
  const back = async (bucket: string, units: number) => void log.push(`back ${bucket} ${units}`);
  const fake: Quotas = {
    take,
    giveBack: back,
    takeSlot: async (bucket) => {
      log.push(`slot ${bucket}`);
      return { slot: 'one' };
    },
    renewSlots: async (bucket) => void log.push(`renew ${bucket}`),
    giveBackSlot: async (bucket) => void log.push(`free ${bucket}`),
    observe: async (bucket, { tookMs, ...reading }) => {
      expect(tookMs).toBeGreaterThanOrEqual(0);
      log.push(`observe ${bucket} ${JSON.stringify(reading)}`);
      return { changed: false };
    },
    list: async () => [],
  };
  return { log, fake };
}
const grant = (rest = {}): QuotaAnswer => ({ granted: 1, startsInMs: 0, everyMs: 10_000, expiresInMs: 100, ...rest });

describe('a call with several charges', () => {
  it('asks the scarcest first and gives it back when a later one must wait', async () => {
    let refusals = 1;
    const { log, fake } = scripted({
      day: () => grant(),
      wide: () => (refusals-- > 0 ? { granted: 0, inMs: 300, why: 'later' } : grant()),
    });
    const governor = createGovernor({ quotas: fake });
    const charges: Charge[] = [
      { bucket: 'at-once', kind: 'concurrent', limit: 5 },
      rate('wide', { limit: 1000 }),
      { bucket: 'day', kind: 'budget', limit: 1000, windowMs: 86_400_000, cost: 3 },
    ];
    const permit = await governor.acquire(charges, 'watch', never);
    expect(log).toEqual([
      'take day watch',
      'take wide watch',
      'back day 3',
      'take wide watch',
      'take day watch',
      'slot at-once',
    ]);
    log.length = 0;
    await permit.settle({ remaining: 7 });
    await permit.settle({ remaining: 7 });
    expect(log).toEqual(['observe wide {"remaining":7,"ok":true,"inFlight":0}']);
    await governor.close();
    expect(log.at(-1)).toBe('free at-once');
  });

  it('tells the quota that the reading is about', async () => {
    const { log, fake } = scripted({ day: () => grant(), wide: () => grant() });
    const governor = createGovernor({ quotas: fake });
    const day: Charge = { bucket: 'day', kind: 'budget', limit: 10, windowMs: 86_400_000, cost: 2 };
    const slots: Charge = { bucket: 'at-once', kind: 'concurrent', limit: 5 };
    await (await governor.acquire([day, rate('wide')], 'sweep', never)).settle({ bucket: 'day', cost: 5 });
    expect(log.at(-1)).toMatch(/^observe day .*"costMore":3/);
    await (await governor.acquire([slots, rate('wide')], 'sweep', never)).settle({ limit: 0, throttledForMs: 9 });
    expect(log.filter((line) => line.startsWith('observe')).at(-1)).toMatch(/^observe at-once .*"limit":0/);
    await governor.close();
  });

  it.each([
    ['an answer without figures reopens', {}, true],
    ['no answer is one more try', undefined, false],
    ['a refusal for the sake of another quota is one more try', { throttledForMs: 9, bucket: 'day' }, false],
  ])('tells what came of a try: %s', async (_title, reading, ok) => {
    const { log, fake } = scripted({ wide: () => grant({ probe: 'p' }), day: () => grant() });
    const governor = createGovernor({ quotas: fake });
    const day: Charge = { bucket: 'day', kind: 'budget', limit: 10, windowMs: 86_400_000 };
    await (await governor.acquire([rate('wide'), day], 'sweep', never)).settle(reading);
    expect(log.filter((line) => line.startsWith('observe wide')).at(-1)).toBe(
      `observe wide {"probe":"p","ok":${ok},"inFlight":0}`,
    );
    await governor.close();
  });

  it.each([
    ['names none: every rate whose window explains the pause', { throttledForMs: 3_000 }, ['user', 'wide']],
    ['asks for longer than a rate explains: the budget', { throttledForMs: 3_600_000 }, ['day']],
    ['names one', { throttledForMs: 3_000, bucket: 'user' }, ['user']],
    ['is one of too many at once', { throttledForMs: 3_000, limit: 0 }, ['at-once']],
  ])('stops those that a refusal may mean, when it %s', async (_title, reading, stopped) => {
    const { log, fake } = scripted({ day: () => grant(), wide: () => grant(), user: () => grant() });
    const governor = createGovernor({ quotas: fake });
    const charges: Charge[] = [
      { bucket: 'at-once', kind: 'concurrent', limit: 5 },
      { bucket: 'day', kind: 'budget', limit: 1000, windowMs: 86_400_000 },
      rate('user'),
      rate('wide', { limit: 1000 }),
    ];
    await (await governor.acquire(charges, 'sweep', never)).settle(reading);
    const observed = log.filter((line) => line.startsWith('observe')).map((line) => line.split(' ')[1]);
    expect(observed.toSorted()).toEqual(stopped);
    await governor.close();
  });

  it('gives back what was granted to a call that cost nothing', async () => {
    const scene = new VirtualScene();
    const governor = scene.process();
    const day: Charge = { bucket: 'free/day', kind: 'budget', limit: 10, windowMs: 86_400_000, cost: 5 };
    const permit = await scene.time.during(governor.acquire([day], 'actions', never));
    expect(scene.database.documents.get('free/day')).toMatchObject({ spent: 5 });
    await scene.time.during(permit.settle({ cost: 0 }));
    expect(scene.database.documents.get('free/day')).toMatchObject({ spent: 0 });
  });

  it('tells what each connection spends', async () => {
    const { fake } = scripted({ wide: () => grant() });
    const told: QuotaSpending[] = [];
    const governor = createGovernor({ quotas: fake, uses: { add: async (spendings) => void told.push(...spendings) } });
    const charges = [rate('wide', { cost: 5 }), { bucket: 'at-once', kind: 'concurrent', limit: 5 } as const];
    for (let n = 0; n < 2; n += 1)
      await (await governor.acquire(charges, 'actions', never, 'con_1')).settle({ bucket: 'wide', cost: 3 + n });
    await governor.close();
    expect(told).toEqual([
      { connectionId: 'con_1', bucket: 'wide', units: 7 },
      { connectionId: 'con_1', bucket: 'at-once', units: 2 },
    ]);
  });

  it('answers although a correction could not be written', async () => {
    const { fake } = scripted({ wide: () => grant() });
    const problems: string[] = [];
    const governor: Governor = createGovernor({
      quotas: { ...fake, observe: () => Promise.reject(new Error('no primary')) },
      onProblem: (error, bucket) => problems.push(`${bucket}: ${String(error)}`),
    });
    await (await governor.acquire([rate('wide')], 'sweep', never)).settle({ remaining: 1 });
    expect(problems).toEqual(['wide: Error: no primary']);
  });

  it('asks for a slot once for calls that follow each other, and renews it while one is under way', async () => {
    const { log, fake } = scripted({});
    const governor = createGovernor({ quotas: fake, leaseMs: 90 });
    const slots: Charge[] = [{ bucket: 'at-once', kind: 'concurrent', limit: 5 }];
    for (let n = 0; n < 3; n += 1) await (await governor.acquire(slots, 'sweep', never)).settle();
    expect(log).toEqual(['slot at-once']);
    const permit = await governor.acquire(slots, 'sweep', never);
    while (!log.includes('renew at-once')) await sleep(10);
    await permit.settle();
    await governor.close();
    expect(log.at(-1)).toBe('free at-once');
  });

  it('waits for slots that others hold', async () => {
    const scene = new VirtualScene();
    const slots: Charge[] = [{ bucket: 'slots/two', kind: 'concurrent', limit: 2 }];
    let under = 0;
    let most = 0;
    const call = async (governor: Governor) => {
      const permit = await governor.acquire(slots, 'sweep', never);
      most = Math.max(most, (under += 1));
      await scene.time.sleep(20);
      under -= 1;
      await permit.settle();
    };
    const governors = [scene.process(), scene.process()];
    await scene.lasts(
      10_000,
      governors.flatMap((governor) => [call(governor), call(governor), call(governor)]),
    );
    expect(most).toBe(1);
    expect(scene.database.documents.get('slots/two')).toMatchObject({ slots: [] });
  });
});

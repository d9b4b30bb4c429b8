import { setMaxListeners } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Charge, Governor, Urgency } from '../connectors/quota.ts';
import { Failure } from '../connectors/kit/failures.ts';
import { openQuotas } from '../store/open-quotas.ts';
import type { Quotas } from '../store/quotas-interface.ts';
import { fairness } from '../test/support/fairness.ts';
import { callOnce, callUntil } from '../test/support/governed-calls.ts';
import { startLimitedServer, type LimitKind } from '../test/support/limited-server.ts';
import { useDatabase } from '../test/support/use-database.ts';
import { createGovernor } from './governor.ts';
import { processTimers, type Timers } from './waiting-line.ts';

const database = useDatabase();
let quotas: Quotas;
let close: () => Promise<void>;
const times = { concurrencyStopMs: [30, 60] as const, halvedMs: 200, probeMs: 2_000 };

beforeAll(async () => {
  ({ quotas, close } = await openQuotas(database.uri, database.name, { times }));
});
afterAll(() => close());

const never = new AbortController().signal;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const rate = (bucket: string, rest: Partial<Charge> = {}): Charge => ({
  bucket,
  kind: 'rate',
  limit: 100,
  windowMs: 2_000,
  ...rest,
});

describe.each(['fixed', 'sliding', 'bucket'] as const)('a limit of the kind %s', (kind: LimitKind) => {
  it('is used and kept to, by three that share it', async () => {
    const server = await startLimitedServer({ kind, limit: 100, windowMs: 2_000 });
    const governors = [1, 2, 3].map(() => createGovernor({ quotas }));
    const stop = AbortSignal.timeout(6_500);
    const charges = [rate(`kind/${kind}`)];
    await Promise.all(governors.map((governor) => callUntil(stop, governor, { url: server.url, charges, callers: 4 })));
    await Promise.all(governors.map((governor) => governor.close()));
    await server.close();
    // How well is measured by the bench `pacing`. Calls that a busy machine makes late come together, which only a
    // window that moves with them takes amiss.
    expect(server.refused.length).toBeLessThanOrEqual(kind === 'sliding' ? 12 : 0);
    expect(server.utilisation(3)).toBeGreaterThan(0.5);
    expect(server.utilisation(3)).toBeLessThanOrEqual(1);
  });
});

describe('a limit that is halved while it is used', () => {
  it('costs at most one refusal', async () => {
    const server = await startLimitedServer({ kind: 'fixed', limit: 200, windowMs: 2_000 });
    const governor = createGovernor({ quotas });
    const charges = [rate('halved', { limit: 200 })];
    const halving = setTimeout(() => server.setLimit(100), 2_600);
    await callUntil(AbortSignal.timeout(8_200), governor, { url: server.url, charges, callers: 4 });
    clearTimeout(halving);
    await governor.close();
    await server.close();
    expect(server.refused.length).toBeLessThanOrEqual(1);
    // The last window at the new limit is used again.
    expect(server.accepted.filter((at) => at >= 6_000 && at < 8_000).length).toBeGreaterThan(60);
  });
});

describe('others that use the same limit', () => {
  it('are left what they take', async () => {
    const server = await startLimitedServer({ kind: 'fixed', limit: 200, windowMs: 2_000 });
    const governor = createGovernor({ quotas });
    const other = setInterval(() => server.consume(4), 100);
    await callUntil(AbortSignal.timeout(6_000), governor, {
      url: server.url,
      charges: [rate('others', { limit: 200 })],
      callers: 4,
    });
    clearInterval(other);
    await governor.close();
    await server.close();
    // The other takes four at a time, and more at once where the machine is busy: what no answer had told yet is lost.
    expect(server.refused.length).toBeLessThanOrEqual(4);
    expect(server.accepted.length).toBeGreaterThan(200);
  });
});

describe('a refusal by the vendor', () => {
  it('stops every process and is reopened by one call', async () => {
    const server = await startLimitedServer({ kind: 'fixed', limit: 5, windowMs: 1_000 });
    const governors = [createGovernor({ quotas }), createGovernor({ quotas })];
    // We believe in much more than there is.
    const charges = [rate('refusal', { limit: 100, windowMs: 1_000 })];
    server.consume(5);
    expect(await callOnce(governors[0]!, { url: server.url, charges, urgency: 'sweep', signal: never })).toBe(429);
    const answers = await Promise.all(
      governors.flatMap((governor) =>
        (['actions', 'watch', 'sweep'] as const).map((urgency) =>
          callOnce(governor, { url: server.url, charges, urgency, signal: never }),
        ),
      ),
    );
    expect(answers).toEqual(Array(6).fill(200).fill(200, 0));
    await Promise.all(governors.map((governor) => governor.close()));
    await server.close();
    expect(server.refused.length).toBe(1);
  });

  it('that is longer than our patience is a failure before anything is sent', async () => {
    const waits: string[] = [];
    const governor = createGovernor({ quotas, maxWaitMs: 500, onWait: ({ bucket }) => waits.push(bucket) });
    const charges = [rate('patience')];
    await (await governor.acquire(charges, 'sweep', never)).settle({ throttledForMs: 60_000 });
    const failure = await governor.acquire(charges, 'actions', never).catch((error: unknown) => error);
    expect(Failure.is(failure, 'throttled')).toBe(true);
    expect((failure as Failure).details).toMatchObject({ bucket: 'patience' });
    expect((failure as Failure).details.retryAfterMs).toBeGreaterThan(50_000);
    expect((failure as Failure).message).toMatch(/^quota patience \(100 in 2 s\) is spent: the app asked us to wait/);
    expect(waits).toEqual(['patience']);
    await governor.close();
  });
});

describe('a budget', () => {
  it('lasts for the whole of its window, with its end left to actions', async () => {
    const at: number[] = [];
    const governor = createGovernor({ quotas });
    const charges: Charge[] = [{ bucket: 'spread', kind: 'budget', limit: 40, windowMs: 4_000 }];
    const begin = performance.now();
    const stop = AbortSignal.timeout(3_600);
    const sweeping = async (): Promise<void> => {
      while (!stop.aborted) {
        const permit = await governor.acquire(charges, 'sweep', stop).catch(() => undefined);
        await permit?.settle();
        if (permit) at.push(performance.now() - begin);
      }
    };
    await Promise.all([sweeping(), sweeping(), sweeping(), sweeping()]);
    await (await governor.acquire(charges, 'actions', never)).settle();
    await governor.close();
    // Four that would take all at once: each quarter of the window has its quarter of the calls.
    const quarters = [0, 1, 2].map((n) => at.filter((ms) => ms >= n * 1_000 && ms < (n + 1) * 1_000).length);
    for (const calls of quarters) expect(Math.abs(calls - 10)).toBeLessThanOrEqual(2);
    expect(at.length).toBeLessThanOrEqual(39);
  });
});

describe('connections that share a quota', () => {
  it('take turns, however many calls each has waiting, in whatever process', async () => {
    const governors = [createGovernor({ quotas }), createGovernor({ quotas })];
    const charges = [rate('turns', { limit: 100, windowMs: 1_000 })];
    const stop = AbortSignal.timeout(4_000);
    setMaxListeners(0, stop);
    const calls: Record<string, number> = { many: 0, one: 0, elsewhere: 0 };
    const calling = async (governor: Governor, connection: string) => {
      while (!stop.aborted) {
        const permit = await governor.acquire(charges, 'sweep', stop, connection).catch(() => undefined);
        if (!permit) return;
        calls[connection]! += 1;
        await sleep(3);
        await permit.settle({});
      }
    };
    await Promise.all([
      ...Array.from({ length: 6 }, () => calling(governors[0]!, 'many')),
      calling(governors[0]!, 'one'),
      calling(governors[0]!, 'one'),
      ...Array.from({ length: 4 }, () => calling(governors[1]!, 'elsewhere')),
    ]);
    await Promise.all(governors.map((governor) => governor.close()));
    expect(fairness(Object.values(calls))).toBeGreaterThan(0.98);
  });
});

describe('a process that dies', () => {
  it('holds nothing for long: its permits lapse, its slots are free when their lease ends', async () => {
    let alive = true;
    // Once dead it renews nothing and gives nothing back.
    const after: Timers['after'] = (ms, run) => processTimers.after(ms, () => alive && run());
    const dying = createGovernor({ quotas, leaseMs: 400, timers: { now: processTimers.now, after } });
    const slots: Charge = { bucket: 'dead/slots', kind: 'concurrent', limit: 2 };
    const calls = rate('dead/calls', { limit: 50, windowMs: 1_000 });
    for (let n = 0; n < 8; n += 1) await dying.acquire([calls], 'sweep', never);
    await dying.acquire([slots], 'sweep', never);
    alive = false;
    const governor = createGovernor({ quotas, leaseMs: 400 });
    const begin = performance.now();
    await Promise.all([governor.acquire([slots], 'sweep', never), governor.acquire([calls], 'sweep', never)]);
    expect(performance.now() - begin).toBeLessThan(2_000);
    await governor.close();
  });
});

describe('waiting', () => {
  it('serves actions, then watches, then sweeps', async () => {
    const governor = createGovernor({ quotas });
    const charges = [rate('line', { limit: 10, windowMs: 2_000, share: 0.999 })];
    // Spends the first call and the reserve.
    for (let n = 0; n < 2; n += 1) await (await governor.acquire(charges, 'actions', never)).settle();
    const order: Urgency[] = [];
    const ask = async (urgency: Urgency) => {
      const permit = await governor.acquire(charges, urgency, never);
      order.push(urgency);
      await permit.settle();
    };
    const all = [ask('sweep'), ask('sweep'), ask('watch'), ask('actions'), ask('watch'), ask('actions')];
    await Promise.all(all);
    await governor.close();
    // A permit that was booked for the first sweep goes to whoever is first in line when it is due.
    expect(order).toEqual(['actions', 'actions', 'watch', 'watch', 'sweep', 'sweep']);
  });

  it('ends with its signal, and the next in line is served', async () => {
    const governor = createGovernor({ quotas });
    const charges = [rate('abort', { limit: 10, windowMs: 2_000 })];
    await (await governor.acquire(charges, 'sweep', never)).settle();
    const cancel = new AbortController();
    const cancelled = governor.acquire(charges, 'sweep', cancel.signal);
    const next = governor.acquire(charges, 'sweep', never);
    cancel.abort(new Error('cancelled'));
    await expect(cancelled).rejects.toThrow('cancelled');
    await (await next).settle();
    await governor.close();
  });
});

/** Quotas that grant what the test says and remember what was given back. */

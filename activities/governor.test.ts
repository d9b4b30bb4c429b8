import { describe, expect, it } from 'vitest';
import type { Charge, Governor, Urgency } from '../connectors/quota.ts';
import { Failure } from '../connectors/kit/failures.ts';
import { fairness } from '../test/support/fairness.ts';
import { callOnce } from '../test/support/governed-calls.ts';
import type { LimitKind } from '../test/support/limit-counters.ts';
import { rate, VirtualScene } from '../test/support/virtual-scene.ts';

const never = new AbortController().signal;
const kinds = ['fixed', 'sliding', 'bucket'] as const;
const windowMs = 10_000;

describe.each(kinds)('a limit of the kind %s', (kind) => {
  it('is used and kept to, by three that share it', async () => {
    const scene = new VirtualScene();
    const vendor = scene.vendor({ kind, limit: 200, windowMs });
    const calling = [1, 2, 3].map((n) =>
      scene.call(scene.process({ clock: { offsetMs: n * 1e6 } }), {
        send: scene.send([vendor]),
        charges: [rate('shared', 200, windowMs)],
        callers: 4,
      }),
    );
    await scene.lasts(4 * windowMs, calling);
    expect(vendor.refused).toEqual([]);
    expect(vendor.utilisation(4)).toBeGreaterThanOrEqual(0.98);
  });
});

describe('a limit that is halved while it is used', () => {
  // Nobody can know before a call is refused, and what the other process has under way is not called back.
  const cases = kinds.flatMap((kind) => [
    [kind, 1],
    [kind, 2],
  ]) as [LimitKind, number][];
  it.each(cases)('costs at most one refusal a process, when %s and called by %i', async (kind, processes) => {
    const scene = new VirtualScene();
    const vendor = scene.vendor({ kind, limit: 200, windowMs });
    const charges = [rate('halved', 200, windowMs)];
    const calling = Array.from({ length: processes }, () =>
      scene.call(scene.process(), { send: scene.send([vendor]), charges, callers: 4 }),
    );
    scene.time.after(1.3 * windowMs, () => vendor.setLimit(100));
    await scene.lasts(4 * windowMs, calling);
    expect(vendor.refused.length).toBeLessThanOrEqual(processes);
    // The last window at the new limit is used again.
    expect(vendor.between(3, 4)).toBeGreaterThanOrEqual(97);
  });
});

describe('others that use the same limit', () => {
  it.each(kinds)('are left what they take, when %s', async (kind) => {
    const scene = new VirtualScene();
    const vendor = scene.vendor({ kind, limit: 200, windowMs });
    const calling = [1, 2].map(() =>
      scene.call(scene.process(), {
        send: scene.send([vendor]),
        charges: [rate('others', 200, windowMs)],
        callers: 4,
      }),
    );
    const windows = 5;
    const other = async () => {
      while (scene.time.now < windows * windowMs) {
        vendor.consume(1);
        await scene.time.sleep(windowMs / 60);
      }
    };
    await scene.lasts(windows * windowMs, [...calling, other()]);
    expect(vendor.refused).toEqual([]);
    // One that begins as the window ends.
    expect(vendor.others.refused.length).toBeLessThanOrEqual(1);
    expect(vendor.utilisation(windows)).toBeGreaterThanOrEqual(0.975);
  });
});

describe('a refusal by the vendor', () => {
  it('stops every process and is reopened by one call', async () => {
    const scene = new VirtualScene();
    const vendor = scene.vendor({ kind: 'fixed', limit: 5, windowMs: 1_000 });
    const governors = [scene.process(), scene.process()];
    // We believe in much more than there is.
    const charges = [rate('refusal', 100, 1_000)];
    const send = scene.send([vendor]);
    vendor.consume(5);
    const first = await scene.time.during(callOnce(governors[0]!, { send, charges }, never));
    expect(first?.throttledForMs).toBeGreaterThan(900);
    const calls = governors.flatMap((governor) =>
      (['actions', 'watch', 'sweep'] as const).map((urgency) => callOnce(governor, { send, charges, urgency }, never)),
    );
    await scene.lasts(10_000, calls);
    expect(vendor.accepted.length).toBe(6);
    expect(vendor.refused.length).toBe(1);
  });

  it('that is longer than our patience is a failure before anything is sent', async () => {
    const waits: string[] = [];
    const scene = new VirtualScene();
    const governor = scene.process({ options: { maxWaitMs: 500, onWait: ({ bucket }) => waits.push(bucket) } });
    const charges = [rate('patience', 100, 2_000)];
    const failing = async () => {
      await (await governor.acquire(charges, 'sweep', never)).settle({ throttledForMs: 60_000 });
      return governor.acquire(charges, 'actions', never).catch((error: unknown) => error);
    };
    const failure = await scene.time.during(failing());
    expect(Failure.is(failure, 'throttled')).toBe(true);
    expect((failure as Failure).details).toMatchObject({ bucket: 'patience' });
    expect((failure as Failure).details.retryAfterMs).toBeGreaterThan(50_000);
    expect((failure as Failure).message).toMatch(/^quota patience \(100 in 2 s\) is spent: the app asked us to wait/);
    expect(waits).toEqual(['patience']);
  });
});

describe('a budget', () => {
  it('lasts for the whole of its window, with its end left to actions', async () => {
    const scene = new VirtualScene();
    const governor = scene.process();
    const charges: Charge[] = [{ bucket: 'spread', kind: 'budget', limit: 40, windowMs: 4_000 }];
    const at: number[] = [];
    const send = async () => void at.push(scene.time.now);
    const sweeping = scene.call(governor, { send, charges, callers: 4 });
    const ending = scene.time.sleep(3_990).then(() => callOnce(governor, { send, charges, urgency: 'actions' }, never));
    await scene.lasts(3_999, [sweeping, ending]);
    // Four that would take all at once: each quarter of the window has its quarter of the calls.
    const quarters = [0, 1, 2, 3].map((n) => at.filter((ms) => ms >= n * 1_000 && ms < (n + 1) * 1_000).length);
    for (const calls of quarters) expect(Math.abs(calls - 10)).toBeLessThanOrEqual(1);
    expect(at.length).toBeGreaterThanOrEqual(39);
    expect(at.length).toBeLessThanOrEqual(40);
  });
});

describe.each([1, 2, 3, 4, 5])('a budget whose calls cost what only their answers tell, scene %i', (seed) => {
  it('is kept to and used, though a process dies meanwhile', async () => {
    const scene = new VirtualScene(seed);
    const limit = 400;
    const lastingMs = 20_000;
    const charges: Charge[] = [{ bucket: 'told', kind: 'budget', limit, windowMs: lastingMs, cost: 3 }];
    let spent = 0;
    const send = async () => {
      const cost = Math.floor(scene.random() * 6);
      spent += cost;
      await scene.time.sleep(scene.between([5, 40]));
      return { cost };
    };
    const processes = [1, 2, 3].map((n) => scene.process({ clock: { offsetMs: n * 1e6 } }));
    const calling = processes.map((governor) => scene.call(governor, { send, charges, callers: 4 }));
    scene.time.after(lastingMs * (0.2 + scene.random() / 2), () => processes[0]!.die());
    await scene.lasts(lastingMs - 50, calling);
    expect(spent).toBeLessThanOrEqual(limit);
    // But for what is kept for actions, and two calls.
    expect(spent).toBeGreaterThanOrEqual(0.99 * limit - 2 * 5);
  });
});

describe('connections that share a quota', () => {
  it('take turns, however many calls each has waiting, in whatever process', async () => {
    const scene = new VirtualScene();
    const governors = [scene.process(), scene.process()];
    const charges = [rate('turns', 100, 1_000)];
    const calls: Record<string, number> = { many: 0, one: 0, elsewhere: 0 };
    const calling = (governor: Governor, connection: string, callers: number) => {
      const send = async () => {
        calls[connection]! += 1;
        await scene.time.sleep(3);
        return {};
      };
      return scene.call(governor, { send, charges, connection, callers });
    };
    await scene.lasts(4_000, [
      calling(governors[0]!, 'many', 6),
      calling(governors[0]!, 'one', 2),
      calling(governors[1]!, 'elsewhere', 4),
    ]);
    expect(fairness(Object.values(calls))).toBeGreaterThan(0.99);
  });
});

describe('a process that dies', () => {
  it('holds nothing for long: its permits lapse, its slots are free when their lease ends', async () => {
    const scene = new VirtualScene();
    const dying = scene.process({ options: { leaseMs: 400 } });
    const slots: Charge = { bucket: 'dead/slots', kind: 'concurrent', limit: 2 };
    const calls = rate('dead/calls', 50, 1_000);
    const dead = async () => {
      for (let n = 0; n < 8; n += 1) await dying.acquire([calls], 'sweep', never);
      await dying.acquire([slots], 'sweep', never);
    };
    await scene.time.during(dead());
    dying.die();
    const governor = scene.process({ options: { leaseMs: 400 } });
    const begin = scene.time.now;
    await scene.time.during(
      Promise.all([governor.acquire([slots], 'sweep', never), governor.acquire([calls], 'sweep', never)]),
    );
    expect(scene.time.now - begin).toBeGreaterThan(300);
    expect(scene.time.now - begin).toBeLessThan(700);
  });
});

describe('waiting', () => {
  it('serves actions, then watches, then sweeps', async () => {
    const scene = new VirtualScene();
    const governor = scene.process();
    const charges = [rate('line', 10, 2_000, { share: 0.999 })];
    const order: Urgency[] = [];
    const ask = async (urgency: Urgency) => {
      const permit = await governor.acquire(charges, urgency, never);
      order.push(urgency);
      await permit.settle();
    };
    // Spends the first call and the reserve.
    await scene.time.during(ask('actions').then(() => ask('actions')));
    const all = [ask('sweep'), ask('sweep'), ask('watch'), ask('actions'), ask('watch'), ask('actions')];
    await scene.time.during(Promise.all(all));
    // A permit that was booked for the first sweep goes to whoever is first in line when it is due.
    expect(order.slice(2)).toEqual(['actions', 'actions', 'watch', 'watch', 'sweep', 'sweep']);
  });

  it('of an action books one call ahead, not all that there is', async () => {
    const scene = new VirtualScene();
    const governor = scene.process();
    const charges = [rate('ahead', 10, 10_000)];
    const ask = () => governor.acquire(charges, 'actions', never);
    // The first call, what is kept for actions, and one that waits for the next.
    for (let n = 0; n < 3; n += 1) await scene.time.during(ask());
    const waiting = ask();
    await scene.time.during(scene.time.sleep(500));
    const { tat, outcome } = scene.database.documents.get('ahead') as { tat: number; outcome: { at: number } };
    expect(tat - outcome.at).toBeLessThanOrEqual(2 * (10_000 / 8));
    await scene.time.during(waiting);
  });

  it('ends with its signal, and the next in line is served', async () => {
    const scene = new VirtualScene();
    const governor = scene.process();
    const charges = [rate('abort', 10, 2_000)];
    const cancel = new AbortController();
    await scene.time.during(governor.acquire(charges, 'sweep', never));
    const cancelled = governor.acquire(charges, 'sweep', cancel.signal);
    const next = governor.acquire(charges, 'sweep', never);
    cancel.abort(new Error('cancelled'));
    await expect(cancelled).rejects.toThrow('cancelled');
    await (await scene.time.during(next)).settle();
  });
});

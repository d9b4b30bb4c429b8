import { describe, expect, it } from 'vitest';
import type { Clock } from './clock.ts';
import { createSignals } from './signals.ts';
import { TemporalFailure, type Temporal, type TemporalFailureKind } from './temporal.ts';

/** Time that stands still until told. */
function handClock() {
  let now = 1_000_000;
  let timers: { at: number; call: () => void }[] = [];
  const clock: Clock & { pass(ms: number): void } = {
    now: () => new Date(now),
    after(ms, call) {
      const timer = { at: now + ms, call };
      timers.push(timer);
      return () => (timers = timers.filter((each) => each !== timer));
    },
    pass(ms) {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { call } of due) call();
    },
  };
  return clock;
}

/** Until those of signals that were not delivered are heard of. */
const rejections = () => new Promise(setImmediate);

function setUp(fails?: TemporalFailureKind) {
  const clock = handClock();
  const away = { kind: fails };
  const sent: { at: number; connectionId: string; name: string; args: readonly string[] }[] = [];
  const warned: object[] = [];
  const temporal = {
    signal(connectionId: string, name: string, args: readonly string[]) {
      sent.push({ at: clock.now().getTime(), connectionId, name, args });
      return away.kind ? Promise.reject(new TemporalFailure(away.kind, 'away')) : Promise.resolve();
    },
  } as Partial<Temporal> as Temporal;
  const logger = { warn: (details: object) => warned.push(details) } as never;
  return { clock, sent, warned, away, signals: createSignals(temporal, clock, logger) };
}

describe('signals', () => {
  it('changed goes at once, then at most once at the end of each half second', () => {
    const { clock, sent, signals } = setUp();
    signals.changed('a');
    expect(sent).toHaveLength(1);
    for (let n = 0; n < 50; n += 1) signals.changed('a');
    clock.pass(499);
    expect(sent).toHaveLength(1);
    clock.pass(1);
    expect(sent).toHaveLength(2);
    clock.pass(5_000);
    expect(sent).toHaveLength(2);
    signals.changed('a');
    expect(sent).toHaveLength(3);
  });

  it('twenty actions a second go each by itself, the rest as one', () => {
    const { clock, sent, signals } = setUp();
    for (let n = 0; n < 100; n += 1) signals.requestAction('a', `act_${n}`);
    expect(sent).toHaveLength(20);
    clock.pass(1_000);
    expect(sent.at(-1)).toMatchObject({ name: 'requestAction', args: ['act_99'] });
    expect(sent).toHaveLength(21);
  });

  it('never more than twenty in any second', () => {
    const { clock, sent, signals } = setUp();
    for (let ms = 0; ms < 5_000; ms += 10) {
      signals.requestAction('a', 'act');
      clock.pass(10);
    }
    const at = sent.map((each) => each.at);
    for (const from of at)
      expect(at.filter((when) => when >= from && when < from + 1_000).length).toBeLessThanOrEqual(20);
    expect(at.length).toBeGreaterThan(80);
  });

  it('connections and kinds do not hold each other back', () => {
    const { sent, signals } = setUp();
    signals.changed('a');
    signals.changed('b');
    signals.credentialsChanged('a');
    signals.requestAction('a', 'act');
    expect(sent).toHaveLength(4);
  });

  it('one that failed is logged, and sent again for a minute', async () => {
    const { clock, sent, warned, signals } = setUp('server');
    signals.changed('a');
    await rejections();
    expect(warned).toMatchObject([{ connectionId: 'a', signal: 'changed' }]);
    const from = sent[0]!.at;
    for (let second = 0; second < 200; second += 1) {
      clock.pass(1_000);
      await rejections();
    }
    expect(sent.map(({ at }) => (at - from) / 1_000)).toEqual([0, 1, 3, 7, 15, 31, 63]);
  });

  it('one that failed holds nothing back, and is not sent again once another came through', async () => {
    const { clock, sent, away, signals } = setUp('worker');
    for (let n = 0; n < 20; n += 1) signals.requestAction('a', `act_${n}`);
    await rejections();
    away.kind = undefined;
    clock.pass(999);
    expect(sent).toHaveLength(20);
    signals.requestAction('a', 'act_20');
    clock.pass(1);
    await rejections();
    expect(sent.at(-1)).toMatchObject({ args: ['act_20'] });
    clock.pass(60_000);
    expect(sent).toHaveLength(21);
  });

  it('where no workflow runs none is sent again, nor after the end', async () => {
    const { clock, sent, signals } = setUp('notRunning');
    signals.changed('a');
    await rejections();
    const { signals: ending, sent: last, clock: its } = setUp('server');
    ending.changed('a');
    await rejections();
    ending.changed('b');
    await ending.drain();
    for (const each of [clock, its]) each.pass(60_000);
    expect([sent.length, last.length]).toEqual([1, 2]);
  });

  it('drain sends what still waits', async () => {
    const { sent, signals } = setUp();
    signals.changed('a');
    signals.changed('a');
    await signals.drain();
    expect(sent).toHaveLength(2);
  });

  it('forgets connections that are quiet', () => {
    const { clock, sent, signals } = setUp();
    for (let n = 0; n < 1_500; n += 1) signals.changed(`c${n}`);
    clock.pass(2_000);
    for (let n = 0; n < 1_500; n += 1) signals.changed(`c${n}`);
    expect(sent).toHaveLength(3_000);
  });
});

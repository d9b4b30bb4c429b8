import { describe, expect, it } from 'vitest';
import * as messages from '../../workflows/messages.ts';
import { swept, watched, wishes } from '../support/connection-workflow.ts';
import { refused, verified, useSkippedTime } from '../support/use-skipped-time.ts';

const { running, eventually, currentTimeMs } = useSkippedTime();

describe('the connection workflow', () => {
  it('reads the stages in their order, then waits for the next scan within twelve hours', async () => {
    const swept_: { stage: string; scan: number; at: number }[] = [];
    await running(
      {
        authenticate: async () => verified(1),
        sweepChunk: async ({ stage, scan }) => {
          swept_.push({ stage, scan, at: await currentTimeMs() });
          return swept();
        },
      },
      async (_handle, said) => {
        await eventually(() => swept_.length >= 4);
        expect(swept_.map(({ stage }) => stage)).toEqual(['users', 'permissions', 'activities', 'files']);
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        await eventually(() => swept_.length >= 8, 3600_000);
        await eventually(() => said.states.at(-1)?.scan?.number === 2 && said.states.at(-1)?.phase === 'watching');
        const [first, second] = [1, 2].map((scan) => swept_.find((one) => one.scan === scan)!.at) as [number, number];
        expect(second - first).toBeLessThan(13.3 * 3600_000);
        // Not waited for: a run of a day rolls over, and there this server may skip no more time.
        const hours = (Date.parse(said.states.at(-1)!.nextScanAt!) - second) / 3600_000;
        expect(hours).toBeGreaterThan(11.9);
        expect(hours).toBeLessThan(12.1);
      },
    );
  });

  it('scans in a slot of the interval that its id gives it, so that many do not scan at once', async () => {
    const every = 12 * 3600_000;
    const slots: number[] = [];
    for (const connectionId of ['con_q7Fh2LxA', 'con_Zk09uTbe', 'con_3mWyPd5r', 'con_q7Fh2LxA'])
      await running(
        { authenticate: async () => verified(1) },
        async (_handle, said) => {
          await eventually(() => said.states.at(-1)?.phase === 'watching');
          slots.push((Date.parse(said.states.at(-1)!.nextScanAt!) % every) / every);
        },
        { connectionId },
      );
    const [first, second, third, again] = slots as [number, number, number, number];
    expect(again).toBeCloseTo(first, 3);
    for (const [one, other] of [
      [first, second],
      [second, third],
      [third, first],
    ] as const)
      expect(Math.abs(one - other)).toBeGreaterThan(0.02);
  });

  it('waits out a back-off in a durable timer that says why, and acts meanwhile', async () => {
    let calls = 0;
    let acted = 0;
    let offered = false;
    await running(
      {
        sweepChunk: async () =>
          ++calls === 1
            ? swept({
                ended: false,
                parts: { total: 1, done: 0, failed: 0, blind: 0, open: 1 },
                delay: {
                  ms: 600_000,
                  reason: 'throttled',
                  why: 'throttled on okta/acme/users',
                  bucket: 'okta/acme/users',
                },
              })
            : swept(),
        nextActions: async () => {
          if (!offered) return [];
          offered = false;
          return [{ actionId: 'act_1', title: 'suspend', step: 'prepareAction' }];
        },
        applyAction: async () => {
          acted += 1;
          return { touched: false };
        },
      },
      async (handle, said) => {
        await eventually(() => said.states.some(({ waits }) => waits.sweep?.reason === 'throttled'));
        const wait = said.states.find(({ waits }) => waits.sweep)!.waits.sweep!;
        expect(wait.why).toBe('throttled on okta/acme/users');
        expect(wait.bucket).toBe('okta/acme/users');
        expect(calls).toBe(1);
        offered = true;
        await handle.signal(messages.requestAction, 'act_1');
        await eventually(() => acted === 1);
        expect(calls).toBe(1);
        await eventually(() => calls >= 2, 60_000);
      },
    );
  });

  it('goes on with an action that another try held as soon as its lease is over', async () => {
    let offered = true;
    const steps: { step: string; at: number }[] = [];
    await running(
      {
        authenticate: async () => verified(1),
        nextActions: async () => {
          if (!offered) return [];
          offered = false;
          return [{ actionId: 'act_1', title: 'suspend', step: 'applyAction' }];
        },
        applyAction: async () => {
          steps.push({ step: 'apply', at: await currentTimeMs() });
          const delay = { ms: 15_000, reason: 'lease' as const, why: 'another worker has act_1' };
          return { next: 'checkAction', delay, touched: false };
        },
        checkAction: async () => {
          steps.push({ step: 'check', at: await currentTimeMs() });
          return { touched: true };
        },
      },
      async (_handle, said) => {
        await eventually(() => steps.length === 2, 5_000);
        expect(steps.map(({ step }) => step)).toEqual(['apply', 'check']);
        expect(steps[1]!.at - steps[0]!.at).toBeLessThan(60_000);
        expect(said.states.some(({ waits }) => waits.actions?.why === 'another worker has act_1')).toBe(true);
      },
    );
  });

  it('tells when a stage ends, and that the scan is too slow, as of when that was first so', async () => {
    const eta = (at: string) => ({ at, earliest: at, latest: at, basis: 'previous scan' as const });
    const notice = (since: string) => ({
      kind: 'interval-too-short',
      what: `too slow ${since}`,
      who: 'operator' as const,
      since,
    });
    const open = { ended: false, parts: { total: 1, done: 0, failed: 0, blind: 0, open: 1 } };
    const results = [
      swept({ ...open, eta: eta('10:00'), notice: notice('9:00') }),
      swept({ ...open, eta: eta('10:05'), notice: notice('9:30') }),
      swept({ ...open }),
    ];
    await running({ sweepChunk: async () => results.shift() ?? swept() }, async (_handle, said) => {
      await eventually(() => said.states.at(-1)?.phase === 'watching');
      const told = said.states.flatMap(({ stages, scan }) =>
        stages.users?.phase === 'running' ? [[stages.users.eta?.at, scan.notice?.what, scan.notice?.since]] : [],
      );
      expect(told).toEqual([
        [undefined, undefined, undefined],
        ['10:00', 'too slow 9:00', '9:00'],
        ['10:05', 'too slow 9:30', '9:00'],
        [undefined, undefined, undefined],
      ]);
    });
  });

  it('parks without credentials, tells who must act, and goes on where it was with new ones', async () => {
    let version = 1;
    const stages: string[] = [];
    await running(
      {
        authenticate: async () =>
          version === 1 ? { outcome: 'parked', ...refused('the token is expired') } : verified(version),
        sweepChunk: async ({ stage }) => {
          stages.push(stage);
          return swept({ wishes: wishes({ credentialVersion: version }) });
        },
        watchChunk: async () => watched({ wishes: wishes({ credentialVersion: version }) }),
      },
      async (handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'needsCredentials');
        expect(said.states.at(-1)?.problem?.what).toBe('the token is expired');
        expect(stages).toEqual([]);
        version = 2;
        await handle.signal(messages.credentialsChanged);
        await eventually(() => stages.length >= 4);
        expect(said.states.at(-1)?.problem).toBeUndefined();
      },
    );
  });

  it('stops at a revoked credential in mid-scan and resumes the same scan at the same stage', async () => {
    let version = 1;
    const log: string[] = [];
    await running(
      {
        authenticate: async () => {
          log.push(`auth ${version}`);
          return version === 1 && log.length > 1 ? { outcome: 'parked', ...refused('revoked') } : verified(version);
        },
        sweepChunk: async ({ stage, scan }) => {
          log.push(`${stage} ${scan}`);
          if (stage === 'permissions' && version === 1) {
            return swept({
              ended: false,
              unauthorized: refused('revoked'),
            });
          }
          return swept({ wishes: wishes({ credentialVersion: version }) });
        },
        watchChunk: async () => watched({ wishes: wishes({ credentialVersion: version }) }),
      },
      async (handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'needsCredentials');
        version = 2;
        await handle.signal(messages.credentialsChanged);
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        expect(log.filter((line) => !line.startsWith('auth'))).toEqual([
          'users 1',
          'permissions 1',
          'permissions 1',
          'activities 1',
          'files 1',
        ]);
      },
    );
  });

  it('turns trouble of our own into a wait that people can see, and goes on', async () => {
    let failing = true;
    await running(
      {
        sweepChunk: async () => {
          if (failing) throw new Error('the store is away');
          return swept();
        },
      },
      async (_handle, said) => {
        await eventually(() => said.states.some(({ waits }) => waits.sweep?.reason === 'trouble'), 30_000);
        expect(said.states.find(({ waits }) => waits.sweep)!.waits.sweep!.why).toContain('the store is away');
        failing = false;
        await eventually(() => said.states.at(-1)?.phase === 'watching', 30_000);
      },
    );
  });

  it('reads several parts at once, as many as are open and allowed', async () => {
    let now = 0;
    let most = 0;
    let left = 6;
    let second: () => void;
    const together = new Promise<void>((resolve) => (second = resolve));
    await running(
      {
        sweepChunk: async ({ stage }) => {
          if (stage !== 'users') return swept();
          now += 1;
          most = Math.max(most, now);
          if (now > 1) second();
          // The first tells how many parts are open; of those that follow each stays until it is not alone.
          if (left < 6) await together;
          now -= 1;
          left -= 1;
          const open = Math.max(left, 0);
          return swept({ ended: open === 0, parts: { total: 6, done: 6 - open, failed: 0, blind: 0, open } });
        },
      },
      async (_handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        expect(most).toBeGreaterThan(1);
        expect(most).toBeLessThanOrEqual(4);
      },
    );
  });
});

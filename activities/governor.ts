import { randomUUID } from 'node:crypto';
import type { Charge, Governor, Permit, QuotaReading } from '../connectors/quota.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { QuotaUses } from '../store/quota-uses.ts';
import type { Quotas } from '../store/quotas-interface.ts';
import { PermitPool, type PoolPermit } from './permit-pool.ts';
import { SlotPool, type HeldSlot } from './slot-pool.ts';
import { createSpendings } from './spendings.ts';
import { processTimers, type Asking, type Refusal, type Timers } from './waiting-line.ts';

export interface GovernorOptions {
  quotas: Quotas;
  /** Where operators see what each connection spends. */
  uses?: Pick<QuotaUses, 'add'>;
  /** How long a call waits in the process before it is refused; 20 s unless told. */
  maxWaitMs?: number;
  /** Told when a call must wait, e.g. for the state that operators see. */
  onWait?: (wait: Asking & { bucket: string; ms: number; why: string }) => void;
  /** Told of corrections and returns that MongoDB did not take: they cost capacity, never a call's answer. */
  onProblem?: (error: unknown, bucket: string) => void;
  /** Of slots; 10 s unless told. */
  leaseMs?: number;
  /** For how long a throttle of concurrency keeps slots from being handed on; as the store halves them: 60 s. */
  halvedMs?: number;
  timers?: Timers;
}

export interface RunningGovernor extends Governor {
  /** Gives back what is not used. */
  close(): Promise<void>;
}

/** Holding one permit while waiting for another makes it late; past this many tries that is the lesser evil. */
const patientFromRound = 3;
const longestHoldMs = 1_000;

interface Held {
  charge: Charge;
  slackMs: number;
  probe?: string;
  putBack(): Promise<void>;
  settle(): Promise<void>;
}

const costOf = ({ cost = 1 }: Charge) => cost;
const windowOf = ({ windowMs = 60_000 }: Charge) => windowMs;

/** The scarcest first: budgets, then rates by the time between two calls; slots last, they come back soonest. */
function scarcity(charge: Charge): number {
  if (charge.kind === 'concurrent') return 0;
  const intervalMs = (windowOf(charge) * costOf(charge)) / (charge.limit * (charge.share ?? 1));
  return charge.kind === 'budget' ? Number.MAX_VALUE : intervalMs;
}

/** One a process: what it has of every bucket is shared by all connections and lanes. */
export function createGovernor(options: GovernorOptions): RunningGovernor {
  const { quotas, maxWaitMs = 20_000, leaseMs = 10_000, halvedMs = 60_000, timers = processTimers } = options;
  const { onProblem = (error, bucket) => process.emitWarning(`quota ${bucket}: ${String(error)}`) } = options;
  const holder = randomUUID();
  const permitPools = new Map<string, PermitPool>();
  const slotPools = new Map<string, SlotPool>();
  const poolsOf = new Map<string, Set<PermitPool>>();
  const inFlight = new Map<string, number>();
  const spendings = createSpendings(options.uses, timers, (error) => onProblem(error, '(use)'));

  function permitPool(charge: Charge & { kind: 'rate' | 'budget' }): PermitPool {
    const { bucket, kind, limit, share = 1, learn = false } = charge;
    const cost = costOf(charge);
    const key = [kind, bucket, cost, limit, windowOf(charge), share].join('|');
    let pool = permitPools.get(key);
    if (!pool) {
      const fixed = { kind, limit, windowMs: windowOf(charge), share, cost, learn };
      pool = new PermitPool({
        take: (want) => quotas.take(bucket, { ...fixed, ...want }),
        giveBack: (calls, grant) => quotas.giveBack(bucket, calls * cost, grant),
        timers,
        problem: (error) => onProblem(error, bucket),
      });
      permitPools.set(key, pool);
      poolsOf.set(bucket, (poolsOf.get(bucket) ?? new Set()).add(pool));
    }
    return pool;
  }

  function slotPool({ bucket, limit }: Charge): SlotPool {
    let pool = slotPools.get(bucket);
    if (!pool) {
      pool = new SlotPool({
        take: (urgency, connections) => quotas.takeSlot(bucket, { limit, holder, urgency, leaseMs, connections }),
        renew: (slots) => quotas.renewSlots(bucket, slots, leaseMs),
        giveBack: (slot) => quotas.giveBackSlot(bucket, slot),
        timers,
        leaseMs,
        problem: (error) => onProblem(error, bucket),
      });
      slotPools.set(bucket, pool);
    }
    return pool;
  }

  async function take(charge: Charge, asking: Asking, deadline: number, signal: AbortSignal): Promise<Held | Refusal> {
    if (charge.kind === 'concurrent') {
      const pool = slotPool(charge);
      const slot: HeldSlot | Refusal = await pool.take(asking, deadline, signal);
      if ('inMs' in slot) return slot;
      return { charge, slackMs: Infinity, putBack: () => pool.release(slot), settle: () => pool.release(slot) };
    }
    const pool = permitPool({ ...charge, kind: charge.kind });
    const permit: PoolPermit | Refusal = await pool.take(asking, deadline, signal);
    if ('inMs' in permit) return permit;
    return {
      charge,
      slackMs: permit.slackMs,
      probe: permit.probe,
      putBack: () => pool.putBack(permit),
      settle: async () => undefined,
    };
  }

  const safely = (bucket: string, work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => onProblem(error, bucket),
    );

  async function putAllBack(held: readonly Held[]): Promise<void> {
    await Promise.all(held.map((one) => safely(one.charge.bucket, one.putBack())));
  }

  async function gather(charges: readonly Charge[], asking: Asking, signal: AbortSignal): Promise<Held[]> {
    const deadline = timers.now() + maxWaitMs;
    let order = charges.toSorted((a, b) => scarcity(b) - scarcity(a));
    for (let round = 0; ; round += 1) {
      const held: Held[] = [];
      let blocking: { charge: Charge; refusal: Refusal } | undefined;
      try {
        for (const charge of order) {
          const at = timers.now();
          const hold = round >= patientFromRound ? longestHoldMs : Math.min(...held.map(({ slackMs }) => slackMs), 250);
          const until = held.length === 0 ? deadline : Math.min(deadline, at + hold);
          const got = await take(charge, asking, until, signal);
          if ('inMs' in got) {
            blocking = { charge, refusal: got };
            break;
          }
          held.push(got);
        }
      } catch (error) {
        await putAllBack(held);
        throw error;
      }
      if (!blocking) return held;
      await putAllBack(held);
      const { charge, refusal } = blocking;
      const at = timers.now();
      options.onWait?.({ bucket: charge.bucket, ms: refusal.inMs, why: refusal.why, ...asking });
      if (held.length === 0 || at + refusal.inMs > deadline || at >= deadline) throw spent(charge, refusal);
      // What holds us up is waited for alone, and then the others are asked once more.
      order = [charge, ...order.filter((other) => other !== charge)];
    }
  }

  async function tell({ charge, probe }: Held, reading: QuotaReading, ok: boolean, tookMs: number): Promise<void> {
    const { bucket } = charge;
    const throttled = reading.throttledForMs !== undefined;
    const pools = [...(poolsOf.get(bucket) ?? [])];
    const { cost, ...figures } = reading;
    const costMore = cost === undefined ? undefined : cost - costOf(charge);
    // At once in this process: the next permit may be due before MongoDB has answered.
    if (throttled) for (const pool of pools) pool.hold();
    try {
      if (throttled && reading.limit === 0) await slotPools.get(bucket)?.narrow(halvedMs);
      const observation = { ...figures, costMore, probe, ok, tookMs, inFlight: inFlight.get(bucket) ?? 0 };
      const { changed, eased } = await quotas.observe(bucket, observation);
      if (changed && !throttled) await Promise.all(pools.map((pool) => pool.refresh()));
      else if (eased || probe) for (const pool of pools) pool.wake();
    } finally {
      if (throttled) for (const pool of pools) pool.release();
    }
  }

  function permitOf(held: readonly Held[], connectionId: string): Permit {
    let settled = false;
    const sentAt = timers.now();
    for (const { charge } of held) inFlight.set(charge.bucket, (inFlight.get(charge.bucket) ?? 0) + costOf(charge));
    return {
      async settle(reading) {
        if (settled) return;
        settled = true;
        const tookMs = timers.now() - sentAt;
        for (const { charge } of held) {
          const left = (inFlight.get(charge.bucket) ?? 0) - costOf(charge);
          if (left > 0) inFlight.set(charge.bucket, left);
          else inFlight.delete(charge.bucket);
        }
        const about = reading ? concerned(held, reading) : [];
        // A try that was not answered, or refused for another's sake, proves nothing.
        const ok = reading !== undefined && reading.throttledForMs === undefined;
        for (const one of held) {
          const { bucket } = one.charge;
          const cost = about.includes(one) ? reading?.cost : undefined;
          spendings.count(connectionId, bucket, cost ?? costOf(one.charge));
          if (about.includes(one)) await safely(bucket, tell(one, reading!, ok, tookMs));
          else if (one.probe) await safely(bucket, tell(one, {}, ok, tookMs));
          await safely(bucket, one.settle());
        }
      },
    };
  }

  return {
    async acquire(charges, urgency, signal, connection = '') {
      signal.throwIfAborted();
      return permitOf(await gather(charges, { urgency, connection }, signal), connection);
    },
    async close() {
      await Promise.all([...permitPools.values()].map((pool) => pool.close()));
      await Promise.all([...slotPools.values()].map((pool) => pool.close()));
      await spendings.flush();
    },
  };
}

/** A refusal for a minute says little of the window: it is what is waited when the vendor names no time. */
const explains = ({ charge }: Held, waitMs: number) => Math.max(windowOf(charge), 60_000) * 1.1 >= waitMs;

/**
 * Which charges an answer is about: the one it names. A refusal that names none may mean any whose window explains the
 * wait, and stops them all: to try them out one by one would cost a refusal each.
 */
function concerned(held: readonly Held[], { bucket, throttledForMs: waitMs, limit }: QuotaReading): Held[] {
  const named = held.find(({ charge }) => charge.bucket === bucket);
  if (named) return [named];
  const [rates, budgets, slots] = (['rate', 'budget', 'concurrent'] as const).map((kind) =>
    held.filter(({ charge }) => charge.kind === kind),
  ) as [Held[], Held[], Held[]];
  const some = (...choices: Held[][]) => choices.find(({ length }) => length > 0) ?? [];
  if (waitMs === undefined) return some(rates, budgets, slots).slice(0, 1);
  if (limit === 0 && slots.length > 0) return slots;
  const explaining = [rates, budgets].map((of) => of.filter((one) => explains(one, waitMs)));
  return some(...explaining, rates, budgets, slots);
}

function spent({ bucket, limit, windowMs, kind }: Charge, { inMs, why }: Refusal): Failure {
  const allowed =
    kind === 'concurrent' ? `${limit} at once` : `${limit} in ${Math.round((windowMs ?? 60_000) / 1000)} s`;
  return new Failure(
    'throttled',
    `quota ${bucket} (${allowed}) is spent: ${why}; again in ${Math.ceil(inMs / 1000)} s`,
    {
      bucket,
      retryAfterMs: Math.ceil(inMs),
      who: 'nobody',
    },
  );
}

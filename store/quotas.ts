import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { MongoServerError, type Collection, type Db, type Document } from 'mongodb';
import { budgetRules } from './quota-budget.ts';
import { quotaTimes, type QuotaDocument, type QuotaOutcome, type QuotaTimes } from './quota-document.ts';
import { sentBetween } from './quota-ledger.ts';
import { rateRules } from './quota-rate.ts';
import type { Belief } from './quota-others.ts';
import { judgeBudget, judgeReading, type BudgetBelief } from './quota-readings.ts';
import { giveBackPipeline, takePipeline } from './quota-take.ts';
import { giveBackSlotPipeline, renewSlotsPipeline, takeSlotPipeline } from './quota-slots.ts';
import {
  budgetCorrectionPipeline,
  correctionPipeline,
  costPipeline,
  reopenPipeline,
  throttlePipeline,
} from './quota-corrections.ts';
import type { QuotaAnswer, QuotaObservation, QuotaWant, Quotas } from './quotas-interface.ts';

export interface QuotaOptions {
  times?: Partial<QuotaTimes>;
  /** A clock that never jumps, in milliseconds. */
  monotonic?: () => number;
  /** From 0 to 1. */
  random?: () => number;
}

const duplicateKey = 11_000;

/** Counts what may be sent to the apps, for all processes, in one document a bucket. MongoDB's clock decides. */
export function createQuotas(db: Db, options: QuotaOptions = {}): Quotas {
  const { monotonic = () => performance.now(), random = Math.random } = options;
  const limits: QuotaTimes = { ...quotaTimes, ...options.times };
  const collection: Collection<QuotaDocument> = db.collection<QuotaDocument>('quotas');
  const beliefs = new Map<string, Belief>();
  const budgets = new Map<string, BudgetBelief>();
  const clock = createOffset(monotonic);

  async function step(bucket: string, pipeline: Document[]): Promise<QuotaDocument & { outcome: QuotaOutcome }> {
    for (let attempt = 0; ; attempt += 1) {
      const sent = monotonic();
      try {
        const document = await collection.findOneAndUpdate({ _id: bucket }, pipeline, {
          upsert: true,
          returnDocument: 'after',
        });
        if (!document?.outcome) throw new Error(`the quota ${bucket} gave no outcome`);
        clock.heard(sent, document.outcome.at);
        return { ...document, outcome: document.outcome };
      } catch (error) {
        // Two processes made the document at once.
        if (attempt < 3 && error instanceof MongoServerError && error.code === duplicateKey) continue;
        throw error;
      }
    }
  }

  const change = async (bucket: string, pipeline: Document[]): Promise<void> => {
    await collection.updateOne({ _id: bucket }, pipeline);
  };

  function answerOf({ outcome }: { outcome: QuotaOutcome }): QuotaAnswer {
    if (outcome.granted === 0)
      return { granted: 0, inMs: Math.max(1, Math.ceil(outcome.inMs ?? 0)), why: outcome.why ?? '' };
    return {
      granted: outcome.granted,
      startsInMs: clock.until(outcome.startAt ?? outcome.at),
      everyMs: outcome.everyMs ?? 0,
      expiresInMs: outcome.slackMs ?? 0,
      ...(outcome.probe ? { probe: outcome.probe } : {}),
      ...(outcome.reserve ? { reserve: true } : {}),
    };
  }

  function believe(bucket: string, want: QuotaWant, document: QuotaDocument & { outcome: QuotaOutcome }): void {
    const belief = beliefs.get(bucket) ?? { limit: 0, fromHeaders: false, windowMs: 0, share: 1 };
    belief.limit = document.learned ?? want.limit;
    belief.fromHeaders = document.learnedFrom === 'headers';
    belief.windowMs = want.windowMs;
    belief.share = want.share;
    belief.cost = want.cost;
    belief.dearest = document.dearest;
    const { squeeze } = document;
    belief.squeeze = squeeze && { perMs: squeeze.perMs, until: monotonic() + clock.until(squeeze.until) };
    const ledger = {
      recent: document.recent ?? [],
      windowMs: want.windowMs,
      tat: document.tat ?? 0,
      unitMs: document.unitMs ?? 0,
      seenAt: document.outcome.at,
    };
    const theirs = (at: number) => clock.at(at);
    belief.toldMore = 0;
    belief.sent = (from, until) => sentBetween(ledger, theirs(from), theirs(until));
    beliefs.set(bucket, belief);
  }

  async function observeThrottle(bucket: string, reading: QuotaObservation): Promise<{ changed: boolean }> {
    const concurrency = reading.limit === 0;
    const [shortest, longest] = limits.concurrencyStopMs;
    const waitMs = concurrency
      ? shortest + random() * (longest - shortest)
      : (reading.throttledForMs ?? 0) * (1 + random() * 0.1);
    await change(bucket, throttlePipeline(reading, waitMs, concurrency, limits));
    const belief = beliefs.get(bucket);
    if (belief && !concurrency) belief.squeeze = undefined;
    return { changed: true };
  }

  return {
    async take(bucket, want) {
      const rules = (want.kind === 'rate' ? rateRules : budgetRules)(want, limits);
      const document = await step(bucket, takePipeline(randomUUID(), want, limits, rules));
      if (want.kind === 'rate') believe(bucket, want, document);
      else
        budgets.set(bucket, {
          limit: document.learned ?? want.limit,
          share: want.share,
          spent: document.spent ?? 0,
          windowMs: want.windowMs,
          endsAt: monotonic() + clock.until(document.windowEndsAt ?? 0),
        });
      return answerOf(document);
    },

    giveBack: (bucket, units, grant = {}) => change(bucket, giveBackPipeline(units, grant)),

    async takeSlot(bucket, want) {
      const id = `${want.holder}/${randomUUID()}`;
      const { outcome } = await step(bucket, takeSlotPipeline(id, want));
      if (outcome.granted > 0) return { slot: id };
      return { slot: null, inMs: Math.max(1, Math.ceil(outcome.inMs ?? 0)), why: outcome.why ?? '' };
    },

    renewSlots: (bucket, slots, leaseMs) => change(bucket, renewSlotsPipeline(slots, leaseMs)),
    giveBackSlot: (bucket, slot) => change(bucket, giveBackSlotPipeline(slot)),

    async observe(bucket, reading) {
      if (reading.throttledForMs !== undefined) return observeThrottle(bucket, reading);
      if (reading.probe) {
        await change(bucket, reopenPipeline(reading.probe, reading.ok !== false));
      }
      if (reading.costMore) await change(bucket, costPipeline(reading.costMore, beliefs.get(bucket)?.cost ?? 0));
      const budget = budgets.get(bucket);
      if (budget) {
        const correction = judgeBudget(budget, reading, monotonic());
        if (correction) await change(bucket, budgetCorrectionPipeline(correction));
        return { changed: correction !== null };
      }
      const belief = beliefs.get(bucket);
      if (!belief) return { changed: false };
      belief.toldMore = (belief.toldMore ?? 0) + (reading.costMore ?? 0);
      const correction = judgeReading(belief, reading, monotonic());
      if (!correction) return { changed: false };
      await change(bucket, correctionPipeline(correction));
      return { changed: correction.slower === true, eased: !correction.slower };
    },

    async list(prefix = '') {
      const documents = await collection
        .find({ _id: { $gte: prefix, $lt: `${prefix}\uffff` } }, { projection: { outcome: 0 } })
        .sort({ _id: 1 })
        .toArray();
      return documents.map(({ _id, ...rest }) => ({ bucket: _id, ...rest }));
    },
  };
}

/**
 * Maps MongoDB's clock to the process's: the quickest answer of the last minute is the truest, so one that was slow
 * does not shift the calls it grants into those of the next.
 */
function createOffset(monotonic: () => number) {
  let best = Infinity;
  let previous = Infinity;
  let since = monotonic();
  return {
    heard(sent: number, at: number): void {
      const came = monotonic();
      // Earlier than the request was sent: one of the two clocks was set.
      if (Math.min(best, previous) < sent - at - 2) best = previous = Infinity;
      if (came - since > 30_000) {
        previous = best;
        best = Infinity;
        since = came;
      }
      best = Math.min(best, came - at);
    },
    until: (at: number): number => at + Math.min(best, previous) - monotonic(),
    /** What MongoDB's clock says when the process's says `own`. */
    at: (own: number): number => own - Math.min(best, previous),
  };
}

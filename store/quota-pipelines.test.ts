import { MongoClient, type Collection, type Document } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Urgency } from '../connectors/quota.ts';
import { seeded } from '../simulators/kit/seeded.ts';
import { evaluateUpdate, type Fields } from '../test/support/evaluate-update.ts';
import { useDatabase } from '../test/support/use-database.ts';
import { budgetRules } from './quota-budget.ts';
import {
  budgetCorrectionPipeline,
  correctionPipeline,
  costPipeline,
  reopenPipeline,
  throttlePipeline,
} from './quota-corrections.ts';
import { quotaTimes } from './quota-document.ts';
import { rateRules } from './quota-rate.ts';
import { giveBackSlotPipeline, renewSlotsPipeline, takeSlotPipeline } from './quota-slots.ts';
import { giveBackPipeline, takePipeline } from './quota-take.ts';
import type { QuotaWant } from './quotas-interface.ts';

const database = useDatabase();
let client: MongoClient;
let quotas: Collection<Fields & { _id: string }>;

beforeAll(async () => {
  client = await new MongoClient(database.uri, { ignoreUndefined: true }).connect();
  quotas = client.db(database.name).collection('quotas');
});
afterAll(() => client.close());

/** The time of the test in the place of the database's own. */
const at = (pipeline: readonly Document[], now: Date): Document[] =>
  JSON.parse(JSON.stringify(pipeline), (_key, value: unknown) => (value === '$$NOW' ? now : value)) as Document[];

/** What tests of the governor in virtual time rest on. */
it('is computed in virtual time as by MongoDB', { timeout: 60_000 }, async () => {
  const random = seeded(7);
  const pick = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const limits = { ...quotaTimes, learnEveryMs: 300 };
  let document: Fields = {};
  const step = (kind: 'rate' | 'budget' | 'concurrent', n: number): Document[] => {
    const urgency = pick<Urgency>('actions', 'watch', 'sweep');
    const probe = ((document['stop'] as Fields | undefined)?.['probe'] as string | undefined) ?? 'none';
    if (kind === 'concurrent') {
      const [slot] = (document['slots'] as { id: string }[] | undefined) ?? [];
      const holder = pick('a', 'b');
      const want = { ...{ limit: 3, holder, urgency, leaseMs: 500 }, connections: holder === 'a' ? 2 : 1 };
      return pick(
        takeSlotPipeline(`s${n}`, want),
        takeSlotPipeline(`s${n}`, want),
        renewSlotsPipeline([slot?.id ?? ''], 500),
        giveBackSlotPipeline(slot?.id ?? ''),
        throttlePipeline({ limit: 0, throttledForMs: 50 }, 50, true, { ...limits, halvedMs: 300 }),
      );
    }
    const want: QuotaWant = {
      ...{ kind, limit: 40, windowMs: 1_000, share: pick(1, 0.5), cost: pick(1, 3), urgency },
      ...{ calls: pick(1, 5, 100), learn: pick(false, true), withinMs: 200 },
      sharer: pick(undefined, { id: 'a', connections: 2 }, { id: 'b', connections: 1 }),
    };
    const take = takePipeline(`t${n}`, want, limits, (kind === 'rate' ? rateRules : budgetRules)(want, limits));
    return pick(
      ...[take, take, take],
      giveBackPipeline(2, pick({}, { reserve: true }, { probe })),
      throttlePipeline(pick({ throttledForMs: 80 }, { throttledForMs: 80, limit: 30, probe }), 85, false, limits),
      reopenPipeline(probe, pick(true, true, false)),
      correctionPipeline(
        pick(
          { limit: 30 },
          { squeeze: { perMs: 0.02, forMs: 300 } },
          { squeeze: null },
          { stepBack: 2, tightForMs: 200 },
        ),
      ),
      budgetCorrectionPipeline(pick({ spent: 12 }, { endsInMs: 400 }, { limit: 50 })),
      costPipeline(pick(2, -1), 3),
    );
  };
  let ways = 0;
  for (const kind of ['rate', 'budget', 'concurrent'] as const) {
    document = { _id: kind };
    await quotas.insertOne({ _id: kind });
    for (let n = 0, now = 1_700_000_000_000; n < 300; n += 1, now += Math.floor(random() * 120)) {
      const pipeline = step(kind, n);
      const after = await quotas.findOneAndUpdate({ _id: kind }, at(pipeline, new Date(now)), {
        returnDocument: 'after',
      });
      document = evaluateUpdate(document, pipeline, new Date(now));
      expect(document, JSON.stringify(pipeline)).toEqual(after);
      ways += 1;
    }
  }
  expect(ways).toBe(900);
});

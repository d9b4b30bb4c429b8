import { afterEach, describe, expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';
import { box as connector } from '../connectors/box/index.ts';
import type { Connector, Session } from '../connectors/connector.ts';
import type { Looked, Ref } from '../connectors/pages.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { AnyRecord } from '../connectors/records.ts';
import type { PendingDocument, PositionDocument } from '../store/documents.ts';

const box = useGovernedBox();
const pending = () => box.db.collection<PendingDocument>('pending');
const feed = () => box.db.collection<PositionDocument>('positions').findOne({ stage: 'pending', lane: 'watch' });
const fileNamed = (name: string): string => {
  const { id } = box.simulator.control.createItem({ type: 'file', name, owner: box.owner, text: 'x' });
  return id;
};
const refOf = (id: string): Ref => ({ kind: 'files', vendorId: `file:${id}`, part: box.owner });
const row = (id: string) =>
  box.db.collection<{ _id: string }>('files').findOne({ _id: `${box.connectionId}/file:${id}` });

afterEach(async () => {
  box.simulator.control.faults({ clear: true });
  await pending().deleteMany({});
  await box.db.collection('positions').updateMany({ stage: 'pending' }, { $set: { failures: 0, notBefore: null } });
});

describe('a look that the app fails on', () => {
  it('waits alone: what was named beside it is written, and what is named later is not held up', async () => {
    const ids = ['bad', 'good', 'better'].map(fileNamed);
    const [bad, good, better] = ids as [string, string, string];
    box.simulator.control.faults({ add: [{ kind: 'status', status: 500, path: `/files/${bad}\\b` }] });
    await box.store.pending.add(box.connectionId, ids.map(refOf));
    await box.watch('pending');
    expect([await row(bad), await row(good), await row(better)]).toMatchObject([null, { kind: 'files' }, {}]);
    expect(await pending().find({}).toArray()).toMatchObject([{ vendorId: `file:${bad}`, tries: 1 }]);
    expect((await feed())!.failure).toBeUndefined();

    const later = fileNamed('later');
    await box.store.pending.add(box.connectionId, [refOf(later)]);
    await box.watch('pending');
    expect(await row(later)).not.toBeNull();
  });

  it('is given up after so many tries beside others that are answered', async () => {
    const bad = fileNamed('broken');
    box.simulator.control.faults({ add: [{ kind: 'status', status: 500, path: `/files/${bad}\\b` }] });
    await box.store.pending.add(box.connectionId, [refOf(bad)]);
    await pending().updateMany({}, { $set: { tries: 7 } });
    await box.store.pending.add(box.connectionId, [refOf(fileNamed('fine'))]);
    await box.watch('pending');
    expect(await pending().countDocuments()).toBe(0);
  });

  it('fails the feed when no other is answered either, gives nothing up, and the feed is due again in a minute', async () => {
    const ids = ['one', 'two', 'three'].map(fileNamed);
    box.simulator.control.faults({ add: [{ kind: 'status', status: 500, path: '/files/' }] });
    await box.store.pending.add(box.connectionId, ids.map(refOf));
    await pending().updateMany({}, { $set: { tries: 20 } });
    await box.db.collection('positions').updateMany({ stage: 'pending' }, { $set: { failures: 50 } });
    const before = box.store.now().getTime();
    await box.watch('pending');
    expect(await pending().countDocuments({ tries: 21 })).toBe(3);
    // Nor is any of them due much later than the feed is.
    expect(await pending().countDocuments({ notBefore: { $lt: new Date(before + 10_000) } })).toBe(3);
    const { failure, notBefore } = (await feed())!;
    expect(failure).toMatchObject({ kind: 'unavailable' });
    expect(notBefore!.getTime()).toBeLessThan(before + 10_000);
  });

  it('is found among many by looking at ever smaller lots, where a connector asks for all at once', async () => {
    const ids = Array.from({ length: 20 }, (_, at) => fileNamed(`of ${at}`));
    const bad = ids[3]!;
    let looks = 0;
    const plain = connector.stages.files!;
    const lookup = async (session: Session, refs: readonly Ref[]): Promise<Looked<AnyRecord>> => {
      looks += 1;
      if (refs.some(({ vendorId }) => vendorId === `file:${bad}`)) throw new Failure('invalid', 'cannot be read');
      return plain.lookup!(session, refs);
    };
    const strange: Connector = { ...connector, stages: { ...connector.stages, files: { ...plain, lookup } } };
    await box.store.pending.add(box.connectionId, ids.map(refOf));
    const { watchChunk } = box.activitiesOf(strange);
    await watchChunk({ connectionId: box.connectionId, round: 1e6, scope: 'pending' });
    expect(await pending().find({}).toArray()).toMatchObject([{ vendorId: `file:${bad}`, tries: 1 }]);
    expect(looks).toBeLessThan(12);
    expect((await Promise.all(ids.map(row))).filter(Boolean)).toHaveLength(19);
  });
});

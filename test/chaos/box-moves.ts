import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionDocument } from '../../store/documents.ts';
import { recordId, type RecordRow } from '../../store/record-rows.ts';
import type { BoxSubject } from './box-subject.ts';
import { onBox, type Fault, type Struck } from './fault.ts';
import { Missed, patienceOf } from './missed.ts';
import { committedSince, lastCommitted, wasTakenForGone } from './observations.ts';
import { stubborn } from './stubborn.ts';

type AtBox = Struck & { subject: BoxSubject };

/** So long the second listing waits for the first; a call of ours may take longer. */
const heldMs = 20_000;
/** In which a listing that was begun is made. */
const listedMs = 100;

async function scanOf({ mongodb, subject }: AtBox) {
  const connections = mongodb.db.collection<ConnectionDocument>('connections');
  return (await stubborn(() => connections.findOne({ _id: subject.connectionId })))?.state?.scan;
}

async function stored(world: AtBox, _id: string): Promise<void> {
  const files = world.mongodb.db.collection<RecordRow>('files');
  for (const until = Date.now() + patienceOf(world); ; await delay(50)) {
    if (await stubborn(() => files.findOne({ _id, removedAt: { $exists: false } }))) return;
    if (Date.now() > until) throw new Missed();
  }
}

/** Until a scan runs that has not come to the files. */
async function beforeFiles(world: AtBox): Promise<void> {
  for (const until = Date.now() + patienceOf(world); ; await delay(50)) {
    if (Date.now() > until) throw new Missed();
    const scan = await scanOf(world);
    const runs = scan?.startedAt !== undefined && scan.finishedAt === undefined;
    if (runs && scan.stage !== 'files') return;
    if (!runs) await world.subject.scanning();
  }
}

/** Between one folder's listing and the other's; false when this scan had no such moment. */
async function movedBetween(world: AtBox, read: string, unread: string, move: () => Promise<unknown>) {
  const { control, proxy } = world.subject;
  await beforeFiles(world);
  await control.faults({ add: [{ kind: 'late', path: `^/2.0/folders/${read}/items`, ms: 1, count: 1 }] });
  let moved = false;
  const strike = async (): Promise<'pass'> => {
    for (const until = Date.now() + heldMs; ; await delay(20)) {
      if ((await control.faults()).some(({ struck }) => struck > 0)) break;
      if (Date.now() > until) return 'pass';
    }
    await delay(listedMs);
    await move();
    moved = true;
    return 'pass';
  };
  const pattern = `GET /2.0/folders/${unread}/items`;
  await proxy.trap({ way: 'up', pattern, moment: 'before', strike }, patienceOf(world));
  return moved;
}

export const boxMoves: Fault[] = [
  {
    // From a user's tree into another's, when one of the two was read in this scan already and the other was not.
    kind: 'file-moved-between-parts',
    place: 'vendor',
    at: 'scan',
    ...onBox(async (world, random) => {
      const { subject, mongodb } = world;
      const { control, wanderer } = subject;
      const { file, folders } = wanderer;
      const since = await lastCommitted(mongodb.oplog);
      const leavesTheReadOne = random() < 0.5;
      const id = recordId(subject.connectionId, `file:${file}`);
      // What was never stored cannot be taken for gone.
      await stored(world, id);
      for (let moved = false, until = Date.now() + patienceOf(world); !moved;) {
        if (Date.now() > until) throw new Missed();
        const from = (await control.item({ id: file }))!.parent;
        const to = folders.find((folder) => folder !== from)!;
        const [read, unread] = leavesTheReadOne ? [from, to] : [to, from];
        try {
          moved = await movedBetween(world, read, unread, () => control.move({ id: file, parent: to }));
        } finally {
          await control.faults({ clear: true });
        }
      }
      world.expect('a file that was moved', async () =>
        since && wasTakenForGone(await committedSince(mongodb.oplog, since), 'files', id)
          ? ['was taken for gone meanwhile']
          : [],
      );
    }),
  },
];

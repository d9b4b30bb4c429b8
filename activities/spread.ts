import type { Dependencies } from './dependencies.ts';
import { holderOf } from './holder.ts';
import type { Opened } from './open-session.ts';

/** Of the time of a chunk, after which it has its own work to do again. */
const shareOfChunk = 1 / 6;

/** Works out anew what lies below folders that changed; true when its time was over before it was done. */
export function spread({ store, times }: Dependencies, { connection, session }: Opened): Promise<boolean> {
  const deadline = performance.now() + times.chunkMs * shareOfChunk;
  return store.spreads.work(connection._id, {
    holder: holderOf(),
    leaseMs: times.leaseMs,
    goOn: () => performance.now() < deadline && !session.signal.aborted,
  });
}

import { contents } from './proxies.ts';
import type { Run } from './run.ts';

/**
 * Reads the contents of files, in a queue of its own, so that no scan waits for it. Sweep and watch tell that there are
 * some; until then it costs nothing: no command of a connection that reads none is different for it.
 */
export async function contentLane(run: Run): Promise<void> {
  while (!run.interruption) {
    await run.until(() => run.woken.content);
    while (!run.interruption && (await readOn(run)));
  }
}

/** False when nothing is left that will ever be due. */
async function readOn(run: Run): Promise<boolean> {
  run.woken.content = false;
  const result = await run.call('content', () =>
    contents.contentChunk.executeWithOptions({ summary: 'content of files' }, [{ connectionId: run.connectionId }]),
  );
  if (!result) return result === null;
  run.state.content = result.counts;
  run.learn(result);
  if (run.interruption) return false;
  const { delay } = result;
  // Whatever is new meets the same throttle; what failed before does not hold it up.
  if (delay) await run.wait('content', delay, () => delay.reason !== 'throttled' && run.woken.content);
  else await run.publish();
  return result.more;
}

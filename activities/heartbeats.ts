import { Context } from '@temporalio/activity';

/** Heartbeats every second while the work goes on; `beat` runs with each, and what it throws ends the work. */
export async function heartbeating<R>(
  work: (failed: AbortSignal) => Promise<R>,
  beat?: () => Promise<void>,
): Promise<R> {
  const context = Context.current();
  const lost = new AbortController();
  let beating = false;
  const timer = setInterval(() => {
    context.heartbeat();
    if (!beat || beating) return;
    beating = true;
    beat()
      .catch((error: unknown) => lost.abort(error))
      .finally(() => (beating = false));
  }, 1000);
  try {
    return await work(lost.signal);
  } finally {
    clearInterval(timer);
  }
}

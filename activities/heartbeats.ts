import { Context } from '@temporalio/activity';

/** Heartbeats every second while the work goes on. `beat` runs with each; one that fails is tried again with the next. */
export async function heartbeating<R>(work: () => Promise<R>, beat?: () => Promise<void>): Promise<R> {
  const context = Context.current();
  let beating = false;
  const timer = setInterval(() => {
    context.heartbeat();
    if (!beat || beating) return;
    beating = true;
    beat()
      .catch(() => undefined)
      .finally(() => (beating = false));
  }, 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

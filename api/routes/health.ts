import type { Application } from 'express';
import type { Deps } from '../deps.ts';
import { HttpProblem } from '../problems.ts';

const answerWithinMs = 4_500;

/** Needs no key, so it says which server is away and why, but no address of it. */
export function healthRoutes(app: Application, deps: Pick<Deps, 'store' | 'temporal' | 'clock'>): void {
  const { store, temporal, clock } = deps;

  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });

  async function check(ping: () => Promise<void>): Promise<{ ok: true } | { ok: false; why: string }> {
    let callOff = () => {};
    const late = new Promise<never>((_, reject) => {
      callOff = clock.after(answerWithinMs, () => reject(new Error(`no answer within ${answerWithinMs} ms`)));
    });
    try {
      await Promise.race([ping(), late]);
      return { ok: true };
    } catch (error) {
      return { ok: false, why: whyOf(error) };
    } finally {
      callOff();
    }
  }

  app.get('/readyz', async (_request, response) => {
    const [mongodb, temporalCheck] = await Promise.all([check(() => store.ping()), check(() => temporal.ping())]);
    const checks = { mongodb, temporal: temporalCheck };
    const away = [mongodb.ok ? '' : 'MongoDB', temporalCheck.ok ? '' : 'Temporal'].filter(Boolean);
    if (away.length > 0)
      throw new HttpProblem('not-ready', `${away.join(' and ')} cannot be reached`, {
        remedy: `see that ${away.join(' and ')} ${away.length > 1 ? 'run' : 'runs'}; work waits and goes on by itself`,
        more: { checks },
        headers: { 'Retry-After': '5' },
      });
    response.json({ status: 'ready', checks });
  });
}

/** Addresses and what may stand in them (a password in a URI) stay here. */
function whyOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const known = /ECONNREFUSED|ETIMEDOUT|ENOTFOUND|no answer[^:]*|no primary|timed out|namespace[^:]*not found/i.exec(
    text,
  );
  return known ? known[0] : 'it cannot be reached';
}

import type { Router } from 'express';
import { z } from 'zod';
import type { ReconciliationFinding } from '../../store/reconciliation.ts';
import { address } from '../address.ts';
import { mayKnow } from '../auth.ts';
import type { Deps } from '../deps.ts';
import { parseQuery } from '../input.ts';

/** What the last comparison of store and Temporal found, and what was mended of late. */
export function reconciliationRoutes(router: Router, { store, clock }: Pick<Deps, 'store' | 'clock'>): void {
  address(router, '/reconciliation', {
    get: [
      'viewer',
      async (request, response) => {
        parseQuery(z.object({}), request);
        const { last, recent = [], holder = null, nextAt } = (await store.reconciliation.read()) ?? {};
        // What belongs to no connection is for keys that know all of them.
        const mine = ({ connectionId }: ReconciliationFinding) => mayKnow(request, connectionId ?? '');
        const late = last && clock.now().getTime() - last.finishedAt.getTime() > lateAfterMs;
        response.json({
          state: !last ? 'notYet' : late ? 'late' : last.failure ? 'failing' : last.unmended > 0 ? 'unmended' : 'ok',
          running: holder !== null,
          nextAt,
          last: last && { ...last, findings: last.findings.filter(mine) },
          recent: recent.filter(mine),
        });
      },
    ],
  });
}

/** A run is due each minute and takes less than one. */
const lateAfterMs = 5 * 60_000;

import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import type { Api } from '../../local/api-client.ts';
import type { ConnectionDocument } from '../../store/documents.ts';
import { recordId, type RecordRow } from '../../store/record-rows.ts';
import { ActionLedger } from './action-ledger.ts';
import { Missed } from './missed.ts';
import { stubborn } from './stubborn.ts';
import type { IsStored, Subject, Tenant } from './subject.ts';

/** A tenant and its connection, as the rounds see them. */
export interface Connected {
  tenant: Tenant;
  /** The same, as faults see it. */
  subject: Subject;
  ledger: ActionLedger;
  connection(): Promise<ConnectionDocument>;
  /** It is erased, if there is one, and made anew. */
  connectAnew(): Promise<void>;
  /** Asks for a scan and resolves with its number. */
  askForScan(): Promise<number>;
}

const eraseWithinMs = 180_000;
const beginWithinMs = 60_000;

export function connectSubject(tenant: Tenant, db: Db, call: Api): Connected {
  const connections = db.collection<ConnectionDocument>('connections');
  const ledger = new ActionLedger(db, tenant);
  let connectionId = '';

  async function connection(): Promise<ConnectionDocument> {
    const found = await stubborn(() => connections.findOne({ _id: connectionId }));
    if (!found) throw new Error(`connection ${connectionId} is not in MongoDB any more`);
    return found;
  }

  async function askForScan(): Promise<number> {
    const before = (await connection()).state?.scan;
    const running = before?.startedAt !== undefined && before.finishedAt === undefined;
    if (!running)
      await call.post(`/v1/connections/${connectionId}/rescan`).catch((error: { status?: number }) => {
        // Another began this moment.
        if (error.status !== 409) throw error;
      });
    return running ? before.number : (before?.number ?? 0) + 1;
  }

  const isStored: IsStored = async (kind, vendorId) => {
    const of = { _id: recordId(connectionId, vendorId), removedAt: { $exists: false } };
    return (await stubborn(() => db.collection<RecordRow>(kind).countDocuments(of))) > 0;
  };

  const subject: Subject = {
    ...tenant,
    get connectionId() {
      return connectionId;
    },
    errand: (random) => tenant.errand(random, isStored),
    steps: (which) => tenant.steps(which, isStored),
    async scanning() {
      const wanted = await askForScan();
      for (const until = Date.now() + beginWithinMs; ; await delay(50)) {
        const scan = (await connection()).state?.scan;
        if (scan && scan.number >= wanted) return;
        if (Date.now() > until) throw new Missed();
      }
    },
    async act({ action, target }) {
      const wish = { action, target, reason: 'a run of chaos', mode: 'apply' };
      const { id } = await call.post<{ id: string }>(`/v1/connections/${connectionId}/actions`, wish);
      ledger.asked(id, { action, target });
      return id;
    },
    async undo(id) {
      await call.post(`/v1/actions/${id}/undo`, { reason: 'a run of chaos' });
      ledger.undoAsked(id);
    },
    actionIs: (id, so, withinMs = 60_000) => ledger.until(id, so, withinMs),
  };

  return {
    tenant,
    subject,
    ledger,
    connection,
    askForScan,
    async connectAnew() {
      if (connectionId !== '') {
        await call.post(`/v1/connections/${connectionId}/erase`);
        for (const until = Date.now() + eraseWithinMs; (await connection()).state?.phase !== 'erased'; await delay(50))
          if (Date.now() > until) throw new Error(`${connectionId} was not erased`);
      }
      connectionId = (await call.post<{ id: string }>('/v1/connections', tenant.body)).id;
    },
  };
}

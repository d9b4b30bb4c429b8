import { setTimeout as delay } from 'node:timers/promises';
import { MongoError, type ClientSession, type MongoClient, type TransactionOptions } from 'mongodb';
import { isDuplicateKey } from './duplicate-key.ts';

const options: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority' },
  readPreference: 'primary',
  maxCommitTimeMS: 5_000,
};

/** How often and how long a whole transaction is tried. A frozen process may hold its documents for a while. */
const tries = 60;
const withinMs = 20_000;

const labelled = (error: unknown, label: string): boolean => error instanceof MongoError && error.hasErrorLabel(label);

/**
 * Runs `body` in one transaction, acknowledged by a majority; again from its start after a write conflict, a document
 * that another transaction inserted first, or a commit whose outcome is unknown. So `body` must find out by itself that
 * an earlier try of it was committed. Rejects with the last error when the conflict outlasts 20 s.
 */
export async function inTransaction<T>(client: MongoClient, body: (session: ClientSession) => Promise<T>): Promise<T> {
  const deadline = performance.now() + withinMs;
  const session = client.startSession();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await attemptOnce(session, body, deadline);
      } catch (error) {
        const again =
          labelled(error, 'TransientTransactionError') ||
          labelled(error, 'UnknownTransactionCommitResult') ||
          isDuplicateKey(error);
        if (!again || attempt >= tries || performance.now() > deadline) throw error;
      }
      await delay(Math.random() * Math.min(500, 4 * 2 ** Math.min(attempt, 10)));
    }
  } finally {
    await session.endSession();
  }
}

async function attemptOnce<T>(
  session: ClientSession,
  body: (session: ClientSession) => Promise<T>,
  deadline: number,
): Promise<T> {
  session.startTransaction(options);
  let result: T;
  try {
    result = await body(session);
  } catch (error) {
    // Aborting is a courtesy to others; a server that is away aborts by itself, and the first error tells more.
    if (session.inTransaction()) await session.abortTransaction().catch(() => undefined);
    throw error;
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      await session.commitTransaction();
      return result;
    } catch (error) {
      if (!labelled(error, 'UnknownTransactionCommitResult') || attempt >= 5 || performance.now() > deadline)
        throw error;
    }
  }
}

import { MongoClient } from 'mongodb';
import { createQuotas, type QuotaOptions } from './quotas.ts';
import type { Quotas } from './quotas-interface.ts';

/** The quotas without the rest of the store, for what only measures or tests them. */
export async function openQuotas(
  uri: string,
  database: string,
  options: QuotaOptions = {},
): Promise<{ quotas: Quotas; close: () => Promise<void> }> {
  const client = await new MongoClient(uri, { ignoreUndefined: true, writeConcern: { w: 'majority' } }).connect();
  return { quotas: createQuotas(client.db(database), options), close: () => client.close() };
}

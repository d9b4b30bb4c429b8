import type { Connection } from '@temporalio/client';

export type SearchAttributes = Record<string, 'Keyword' | 'Datetime'>;

/** What the connection workflow upserts, so that the Temporal UI can filter and show it without a worker. */
export const SEARCH_ATTRIBUTES: SearchAttributes = {
  App: 'Keyword',
  ConnectionPhase: 'Keyword',
  WaitingFor: 'Keyword',
  WaitingUntil: 'Datetime',
};

/** Temporal's wire numbers for the types (IndexedValueType). */
const WIRE_TYPE = { Keyword: 2, Datetime: 6 } as const;

/** Registers what a running server lacks. */
export async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: SearchAttributes,
): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(wanted).filter(([name]) => !(name in customAttributes));
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, WIRE_TYPE[type]]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}

import { Connection } from '@temporalio/client';
import { searchAttributes } from '../workflows/messages.ts';

/** Temporal's numbers of the indexed value types (`temporal.api.enums.v1.IndexedValueType`). */
const types = { KEYWORD: 2, DATETIME: 6 } as const;

/** Makes the search attributes known to the namespace; those that are there already stay as they are. */
export async function registerSearchAttributes({
  address,
  namespace,
}: {
  address: string;
  namespace: string;
}): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '5s' });
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.values(searchAttributes).filter(({ name }) => !(name in (customAttributes ?? {})));
    if (missing.length === 0) return;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, types[type as keyof typeof types]])),
    });
  } finally {
    await connection.close();
  }
}

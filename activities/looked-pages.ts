import type { Stage } from '../connectors/connector.ts';
import type { Gone, Looked } from '../connectors/pages.ts';
import type { AnyRecord } from '../connectors/records.ts';
import type { Group } from '../store/positions-interface.ts';

/** What a look brought, as it is written: each record to the part that sweeps it, where that can be told. */
export function lookedPages(
  stage: Pick<Stage<AnyRecord>, 'sweptIn'> | undefined,
  { records }: Pick<Looked<AnyRecord>, 'records'>,
  removed: readonly Gone[],
  observedAt: Date,
): Group['pages'] {
  const parts = new Map<string | undefined, AnyRecord[]>();
  for (const record of records) {
    const part = stage?.sweptIn?.(record);
    parts.set(part, [...(parts.get(part) ?? []), record]);
  }
  const pages = [...parts].map(([part, of]) => ({
    records: of,
    removed: [],
    observedAt,
    ...(part !== undefined && { part }),
  }));
  return [...pages, { records: [], removed, observedAt }];
}

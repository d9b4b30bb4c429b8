import type { Api } from '../../local/api-client.ts';
import { eventually } from './start-bench.ts';

interface Position {
  part: { id: string };
  scan: number;
  startedAt: string;
  finishedAt?: string;
}

/** Seconds that the part `accounts` took in this scan, by MongoDB's clock; waits for its end. */
export const secondsOfAccounts = (api: Api, id: string, scan: number): Promise<number> =>
  eventually(async () => {
    const { items } = await api.get<{ items: Position[] }>(`/v1/connections/${id}/positions?lane=sweep&stage=users`);
    const part = items.find((position) => position.part.id === 'accounts' && position.scan === scan);
    return part?.finishedAt ? (Date.parse(part.finishedAt) - Date.parse(part.startedAt)) / 1000 : undefined;
  }, 600_000);

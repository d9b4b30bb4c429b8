import { once } from 'node:events';
import { createGovernor } from '../../activities/governor.ts';
import type { Charge } from '../../connectors/quota.ts';
import { openQuotas } from '../../store/open-quotas.ts';
import { callUntil, sendOverHttp } from '../support/governed-calls.ts';

/** What a process of callers is to do, all of it at once and under one governor. */
export interface PacingWork {
  uri: string;
  database: string;
  forMs: number;
  calls: { url: string; charge: Charge; connection: string; callers: number }[];
}

/** Says `ready` when connected, begins at any message, so that several begin together. */
async function main(): Promise<void> {
  const { uri, database, forMs, calls } = JSON.parse(process.argv[2]!) as PacingWork;
  const { quotas, close } = await openQuotas(uri, database);
  await quotas.list('warm');
  const governor = createGovernor({ quotas });
  process.send!('ready');
  await once(process, 'message');
  const stop = AbortSignal.timeout(forMs);
  const calling = calls.map(async ({ url, charge, ...call }) => {
    const http = sendOverHttp(url);
    await callUntil(stop, governor, { ...call, send: http.send, charges: [charge] });
    await http.close();
  });
  await Promise.all(calling);
  await governor.close();
  await close();
  process.disconnect();
}

await main();

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createGovernor } from '../../activities/governor.ts';
import { okta } from '../../connectors/okta/index.ts';
import type { Governor } from '../../connectors/quota.ts';
import { Failure } from '../../connectors/kit/failures.ts';
import type { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { openQuotas } from '../../store/open-quotas.ts';
import { startOktaTenant } from '../support/okta-tenant.ts';

const callers = 4;

/**
 * The real connector against the limits of the Okta simulator, which tells them as Okta does: in headers, the reset to
 * the second. Only the length of a window is shortened, for both.
 */
export async function paceOkta(
  owner: ProcessOwner,
  uri: string,
  { windowMs, windows }: { windowMs: number; windows: number },
): Promise<{ utilisation: number; refused: number; limit: number }> {
  const knobs = { windowMs, limitFactor: 1, tier: 'enterprise', share: 50 } as const;
  const tenant = await startOktaTenant(owner, { logFolder: newLogFolder(), users: 50, groups: 1, events: 1, knobs });
  const { quotas, close } = await openQuotas(uri, `okta-${randomUUID().slice(0, 8)}`);
  const governor = createGovernor({ quotas });
  const shortened: Governor = {
    acquire: (charges, ...rest) =>
      governor.acquire(
        charges.map((charge) => (charge.kind === 'rate' ? { ...charge, windowMs } : charge)),
        ...rest,
      ),
  };
  const signal = AbortSignal.timeout(windowMs * windows + 1_000);
  setMaxListeners(0, signal);
  const session = okta.open({
    connectionId: 'bench',
    settings: tenant.body.settings,
    credential: tenant.body.credential,
    credentialVersion: 1,
    governor: shortened,
    urgency: 'sweep',
    signal,
    allowLocalOrigins: true,
  });
  const calling = async (): Promise<void> => {
    while (!signal.aborted)
      await okta.stages.users!.sweep!(session, { part: { id: 'accounts', title: '' } }).catch((error: unknown) => {
        if (!signal.aborted && !Failure.is(error, 'throttled')) throw error;
      });
  };
  await Promise.all(Array.from({ length: callers }, calling));
  await governor.close();
  await close();
  const counters = await tenant.control.counters();
  const whole = counters.windows
    .filter(({ bucket, principal }) => bucket === '/api/v1/users' && principal !== '')
    .slice(0, windows);
  const sum = (figures: number[]) => figures.reduce((all, one) => all + one, 0);
  const limit = whole[0]?.limit ?? 0;
  const lengthMs = whole.at(-1)!.startedAt + windowMs - whole[0]!.startedAt;
  return {
    utilisation: sum(whole.map(({ calls }) => calls)) / ((limit * lengthMs) / windowMs),
    refused: counters.throttled + counters.throttledByConcurrency,
    limit,
  };
}

import type { Call } from '../call.ts';
import type { Charge } from '../quota.ts';
import { contentOperation } from './content.ts';
import type { Settings } from './settings.ts';

const month = 30 * 86_400_000;
/** The guide "Rate Limits": 240 uploads a minute and user. */
const uploadsPerMinute = 240;

/** Box sends no header that tells what is left: the limits are counted here alone. */
export function quotas(call: Call, { settings, subject }: { settings: Settings; subject?: string }): Charge[] {
  // What the download host hands out is no call of the API.
  if (call.operation === contentOperation && call.anonymous) return [];
  const enterprise = `box/${settings.enterpriseId}`;
  const service = `${enterprise}/user/service`;
  const user = subject === undefined ? service : `${enterprise}/user/${subject}`;
  const minute = (bucket: string, limit: number): Charge => ({ bucket, kind: 'rate', limit, windowMs: 60_000 });
  const charges = [minute(user, settings.callsPerMinute)];
  if (call.operation.startsWith('UPLOAD ')) charges.push(minute(`${user}/uploads`, uploadsPerMinute));
  if (user !== service && settings.asUserQuota === 'both') charges.push(minute(service, settings.callsPerMinute));
  if (settings.monthlyCalls !== undefined)
    charges.push({
      bucket: `${enterprise}/month`,
      kind: 'budget',
      limit: settings.monthlyCalls,
      windowMs: month,
      share: settings.quotaShare,
    });
  return charges;
}

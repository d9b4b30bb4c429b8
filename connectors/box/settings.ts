import { z } from 'zod';
import type { Origins } from '../authorization.ts';
import type { Session } from '../connector.ts';

const id = z.string().regex(/^\d{1,20}$/, 'must be an id of Box: digits');
const isOrigin = (text: string) =>
  URL.canParse(text) && ['', '/'].includes(new URL(text).pathname + new URL(text).search);
const origin = z.url().refine(isOrigin, { error: 'must be an origin without a path: https://api.box.com' });

export const settings = z.strictObject({
  /** Admin Console, "Account & Billing". */
  enterpriseId: id,
  /** Calls this origin instead of `https://api.box.com`. */
  baseUrl: origin.optional(),
  /** Sends content here instead of `https://upload.box.com`; with a `baseUrl` there. */
  uploadUrl: origin.optional(),
  /** Content may come from here besides `https://*.boxcloud.com`. */
  downloadUrl: origin.optional(),
  /** In whose tree quarantined files lie; without it in that of the app's own service account. */
  quarantineUserId: id.optional(),
  /**
   * Box does not say whom it charges for a call with As-User. `both` never exceeds either way, but reads all users at
   * the pace of one; `user` reads each at the user's own pace.
   */
  asUserQuota: z.enum(['both', 'user']).default('both'),
  /** Calls a minute and user that Box allows; it publishes "approximately 1000". */
  callsPerMinute: z.number().int().min(10).max(100_000).default(1000),
  /** Calls in 30 days that the licence allows; no limit unless told. */
  monthlyCalls: z.number().int().min(1000).optional(),
  /** How much of `monthlyCalls` is ours: the enterprise's other programs spend of it too. */
  quotaShare: z.number().min(0.05).max(1).default(0.5),
  /**
   * Asks Box not to mail each collaborator that a file was downloaded when its content is read. Box obeys an app for
   * which its support switched on "Can suppress email notifications from API calls".
   */
  quietDownloads: z.boolean().default(false),
  /** How many webhooks are kept on the top folders of users; the event stream tells the rest. */
  webhooks: z.number().int().min(0).max(1000).default(100),
});
export type Settings = z.output<typeof settings>;
export type BoxSession = Session<Settings>;

export const apiOrigin = ({ baseUrl }: Settings): string => new URL(baseUrl ?? 'https://api.box.com').origin;
export const uploadOrigin = ({ baseUrl, uploadUrl }: Settings): string =>
  new URL(uploadUrl ?? baseUrl ?? 'https://upload.box.com').origin;

/** By what a worker process tells one tenant's facts from another's. */
export const tenantOf = ({ connectionId, settings, identity }: BoxSession): string =>
  JSON.stringify([connectionId, settings.enterpriseId, apiOrigin(settings), identity]);

export const labelOf = ({ enterpriseId }: Settings): string => `enterprise ${enterpriseId}`;

export function originsOf(given: Settings): Origins {
  const boxs = given.baseUrl ? [] : ['https://dl.boxcloud.com', 'https://*.boxcloud.com'];
  return {
    api: [...new Set([apiOrigin(given), uploadOrigin(given)])],
    download: [...boxs, ...(given.downloadUrl ? [new URL(given.downloadUrl).origin] : [])],
  };
}

import { z } from 'zod';
import type { Origins } from '../authorization.ts';

/** The host of `acme.okta.com` or `https://acme.okta.com/`; undefined when it is neither. */
function hostOf(domain: string): string | undefined {
  const text = domain
    .trim()
    .replace(/^https:\/\//i, '')
    .replace(/\/+$/, '')
    .toLowerCase();
  return /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(text) ? text : undefined;
}

const isOrigin = (text: string) =>
  URL.canParse(text) && ['', '/'].includes(new URL(text).pathname + new URL(text).search);

export const settings = z
  .strictObject({
    /** `acme.okta.com`, or the org's custom domain. */
    domain: z.string().max(260).optional(),
    /** Calls this origin instead of `https://<domain>`. */
    baseUrl: z.url().refine(isOrigin, { error: 'must be an origin without a path: https://acme.okta.com' }).optional(),
  })
  .superRefine(({ domain, baseUrl }, context) => {
    const issue = (message: string, field = 'domain') => context.addIssue({ code: 'custom', path: [field], message });
    if (domain === undefined) {
      if (baseUrl === undefined) issue('is required: the address of the org, e.g. acme.okta.com');
      return;
    }
    const host = hostOf(domain);
    if (!host) return issue('must be the host of the org, e.g. acme.okta.com');
    const console = /^([a-z0-9-]+)-admin(\.(?:okta|oktapreview|okta-emea|okta-gov)\..+)$/.exec(host);
    if (console) issue(`${host} is the address of the admin console; the org is ${console[1]}${console[2]}`);
  });
export type Settings = z.output<typeof settings>;

export const originOf = ({ domain, baseUrl }: Settings): string =>
  baseUrl ? new URL(baseUrl).origin : `https://${hostOf(domain!)}`;

/** How people know the org: its domain, and else where it is called. */
export const labelOf = (given: Settings): string =>
  given.domain ? hostOf(given.domain)! : new URL(originOf(given)).host;

export const originsOf = (given: Settings): Origins => ({ api: [originOf(given)] });

import { z } from 'zod';

/** What is used of Okta's answers, and no more; unknown members are kept for `raw`. */
const optionalText = z.string().nullish().catch(undefined);
const id = z.string().min(1).max(200);

export const user = z.looseObject({
  id,
  status: z.string(),
  created: optionalText,
  lastUpdated: optionalText,
  lastLogin: optionalText,
  passwordChanged: optionalText,
  profile: z
    .looseObject({
      login: optionalText,
      email: optionalText,
      displayName: optionalText,
      firstName: optionalText,
      lastName: optionalText,
      userType: optionalText,
    })
    .nullish(),
  credentials: z
    .looseObject({ provider: z.looseObject({ type: optionalText, name: optionalText }).nullish() })
    .nullish(),
});
export type User = z.output<typeof user>;

export const group = z.looseObject({
  id,
  type: optionalText,
  created: optionalText,
  lastUpdated: optionalText,
  lastMembershipUpdated: optionalText,
  profile: z.looseObject({ name: optionalText, description: optionalText }).nullish(),
});
export type Group = z.output<typeof group>;

export const member = z.looseObject({ id });

export const role = z.looseObject({
  id,
  type: z.string(),
  label: optionalText,
  assignmentType: optionalText,
  created: optionalText,
  role: optionalText,
  'resource-set': optionalText,
  _links: z.looseObject({ assignee: z.looseObject({ href: optionalText }).nullish() }).nullish(),
});
export type Role = z.output<typeof role>;

/** The odd one: an object, with its pager in the body. */
export const assignees = z.object({
  value: z.array(z.unknown()).nullish(),
  _links: z.object({ next: z.object({ href: z.string() }).nullish() }).nullish(),
});

export const client = z.looseObject({ client_id: id, client_name: optionalText });

const scopeDetails = z.looseObject({ name: optionalText, displayName: optionalText, id: optionalText });
export const grant = z.looseObject({
  id,
  status: optionalText,
  created: optionalText,
  lastUpdated: optionalText,
  clientId: optionalText,
  client_id: optionalText,
  userId: optionalText,
  scopeId: optionalText,
  _embedded: z.looseObject({ scope: scopeDetails.nullish() }).nullish(),
});
export type Grant = z.output<typeof grant>;

export const refreshToken = z.looseObject({
  id,
  status: optionalText,
  created: optionalText,
  lastUpdated: optionalText,
  expiresAt: optionalText,
  clientId: optionalText,
  client_id: optionalText,
  scopes: z.array(z.string()).nullish().catch(undefined),
});
export type RefreshToken = z.output<typeof refreshToken>;

export const apiToken = z.looseObject({
  id,
  name: optionalText,
  userId: optionalText,
  clientName: optionalText,
  created: optionalText,
  lastUpdated: optionalText,
  expiresAt: optionalText,
});
export type ApiToken = z.output<typeof apiToken>;

export const org = z.object({ id, subdomain: optionalText, companyName: optionalText, status: optionalText });

export const eventHook = z.looseObject({
  id,
  name: optionalText,
  status: optionalText,
  verificationStatus: optionalText,
});
export const anyList = z.array(z.unknown());

import { z } from 'zod';

/** What is used of Box's answers, and no more; unknown members are kept for `raw`. */
const optionalText = z.string().nullish().catch(undefined);
const optionalFlag = z.boolean().nullish().catch(undefined);
const optionalNumber = z.number().nullish().catch(undefined);
/** Some old answers show numbers. */
export const id = z.union([z.string().regex(/^\w{1,40}$/), z.number().int().nonnegative()]).transform(String);

export const userMini = z.looseObject({ id, login: optionalText, name: optionalText });
const anyUser = userMini.nullish().catch(undefined);

export const user = z.looseObject({
  id,
  login: optionalText,
  name: optionalText,
  status: optionalText,
  role: optionalText,
  created_at: optionalText,
  modified_at: optionalText,
  is_platform_access_only: optionalFlag,
  enterprise: z.looseObject({ id, name: optionalText }).nullish().catch(undefined),
});
export type User = z.output<typeof user>;

export const group = z.looseObject({
  id,
  name: optionalText,
  description: optionalText,
  group_type: optionalText,
  provenance: optionalText,
  created_at: optionalText,
  modified_at: optionalText,
});
export type Group = z.output<typeof group>;

export const membership = z.looseObject({
  id,
  role: optionalText,
  user: userMini,
  group: z.looseObject({ id }),
});
export type Membership = z.output<typeof membership>;

export const sharedLink = z.looseObject({
  access: z.string().catch('open'),
  effective_access: optionalText,
  effective_permission: optionalText,
  unshared_at: optionalText,
  is_password_enabled: optionalFlag,
  vanity_name: optionalText,
  permissions: z
    .looseObject({ can_download: optionalFlag, can_preview: optionalFlag, can_edit: optionalFlag })
    .nullish()
    .catch(undefined),
});
export type SharedLink = z.output<typeof sharedLink>;

const folderMini = z.looseObject({ id, name: optionalText });
export const itemTypes = ['file', 'folder', 'web_link'] as const;
export const item = z.looseObject({
  type: z.enum(itemTypes),
  id,
  etag: optionalText,
  name: z.string().catch(''),
  size: optionalNumber,
  sha1: optionalText,
  created_at: optionalText,
  modified_at: optionalText,
  content_modified_at: optionalText,
  trashed_at: optionalText,
  owned_by: anyUser,
  parent: folderMini.nullish().catch(undefined),
  path_collection: z
    .looseObject({ entries: z.array(folderMini) })
    .nullish()
    .catch(undefined),
  item_status: optionalText,
  has_collaborations: optionalFlag,
  is_externally_owned: optionalFlag,
  // A link that cannot be read must not look like none.
  shared_link: sharedLink.nullish(),
  file_version: z.looseObject({ id }).nullish().catch(undefined),
  version_number: z
    .union([z.string(), z.number().transform(String)])
    .nullish()
    .catch(undefined),
  extension: optionalText,
});
export type Item = z.output<typeof item>;

export const collaboration = z.looseObject({
  id,
  role: z.string().catch('viewer'),
  status: optionalText,
  expires_at: optionalText,
  is_access_only: optionalFlag,
  can_view_path: optionalFlag,
  invite_email: optionalText,
  accessible_by: z
    .looseObject({ type: z.string().catch('user'), id, login: optionalText, name: optionalText })
    .nullish(),
  item: z.looseObject({ id, type: optionalText }).nullish().catch(undefined),
});
export type Collaboration = z.output<typeof collaboration>;

export const fileVersion = z.looseObject({
  id,
  sha1: optionalText,
  size: optionalNumber,
  trashed_at: optionalText,
});
export type FileVersion = z.output<typeof fileVersion>;

export const devicePin = z.looseObject({
  id,
  owned_by: anyUser,
  product_name: optionalText,
});
export type DevicePin = z.output<typeof devicePin>;

export const webhook = z.looseObject({
  id,
  target: z.looseObject({ id, type: optionalText }).nullish().catch(undefined),
  address: optionalText,
  triggers: z.array(z.string()).nullish().catch(undefined),
});

export const markerPage = z.object({
  entries: z.array(z.unknown()),
  next_marker: z.union([z.string(), z.number()]).nullish().catch(undefined),
});
export const offsetPage = z.object({
  entries: z.array(z.unknown()),
  total_count: z.number().int().nonnegative(),
  limit: z.number().int().positive().nullish().catch(undefined),
  offset: z.number().int().nonnegative().nullish().catch(undefined),
});
export const eventPage = z.object({ entries: z.array(z.unknown()) });

import type { Grant } from '@aws-sdk/client-s3';

const members = {
  FULL_CONTROL: 'GrantFullControl',
  READ: 'GrantRead',
  READ_ACP: 'GrantReadACP',
  WRITE_ACP: 'GrantWriteACP',
} as const;
type Member = (typeof members)[keyof typeof members];

/** An ACL as the request headers that set it: `id="…", uri="…"` a permission. */
export function grantHeaders(grants: readonly Grant[]): Partial<Record<Member, string>> {
  const headers: Partial<Record<Member, string>> = {};
  for (const { Grantee, Permission } of grants) {
    const member = members[Permission as keyof typeof members];
    const to = Grantee?.URI ? `uri="${Grantee.URI}"` : Grantee?.ID ? `id="${Grantee.ID}"` : undefined;
    // Objects know no WRITE grant.
    if (member && to) headers[member] = headers[member] ? `${headers[member]}, ${to}` : to;
  }
  return headers;
}

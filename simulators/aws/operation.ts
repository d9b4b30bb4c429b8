import type { IncomingHttpHeaders } from 'node:http';

export interface Asked {
  service: string;
  region: string;
  /** `ListUsers`, `LookupEvents`, `GetObject`. */
  operation: string;
}

const s3Subresources: Record<string, string> = {
  acl: 'Acl',
  policy: 'BucketPolicy',
  policyStatus: 'BucketPolicyStatus',
  publicAccessBlock: 'PublicAccessBlock',
  ownershipControls: 'BucketOwnershipControls',
  versioning: 'BucketVersioning',
  location: 'BucketLocation',
  notification: 'BucketNotificationConfiguration',
  tagging: 'Tagging',
};
const verbs: Record<string, string> = { GET: 'Get', PUT: 'Put', DELETE: 'Delete', POST: 'Post', HEAD: 'Head' };

function s3Operation(method: string, url: URL): string {
  const named = url.searchParams.get('x-id');
  if (named) return named;
  if (url.pathname.startsWith('/v20180820/')) return 'GetAccountPublicAccessBlock';
  if (url.pathname === '/') return 'ListBuckets';
  const object = /^\/[^/]+\/./.test(url.pathname);
  const verb = verbs[method] ?? method;
  for (const [name, what] of Object.entries(s3Subresources))
    if (url.searchParams.has(name)) return `${verb}${name === 'acl' ? (object ? 'ObjectAcl' : 'BucketAcl') : what}`;
  if (url.searchParams.has('versions')) return 'ListObjectVersions';
  if (url.searchParams.has('list-type')) return 'ListObjectsV2';
  return `${verb}${object ? 'Object' : 'Bucket'}`;
}

/** What is asked of which service: one port hosts all, told apart by the scope of the signature. */
export function operationOf(method: string, url: URL, headers: IncomingHttpHeaders, body: Buffer): Asked {
  const scope = /Credential=[^/]+\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/.exec(String(headers.authorization ?? ''));
  const region = scope?.[1] ?? 'us-east-1';
  const service = scope?.[2] ?? 's3';
  const target = String(headers['x-amz-target'] ?? '');
  if (target) return { service, region, operation: target.split('.').at(-1)! };
  if (String(headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
    const action = new URLSearchParams(body.toString('utf8')).get('Action');
    if (action) return { service: scope ? service : 'sts', region, operation: action };
  }
  return { service: 's3', region, operation: s3Operation(method, url) };
}

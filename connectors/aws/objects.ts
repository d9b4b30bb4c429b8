import {
  GetObjectAclCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { LostAccess, Stage } from '../connector.ts';
import type { Looked, Page, PageRequest, Ref, Skipped } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure } from '../kit/failures.ts';
import type { FileRecord, Share } from '../records.ts';
import { bucketParts, bucketRecord, factsOf, queuePart, type BucketFacts } from './buckets.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { clientsOf } from './clients.ts';
import { plain } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import { acknowledgeQueue, queueChanges } from './queue.ts';
import { inScope, type AwsSession, type AwsSettings } from './settings.ts';
import { aclShares, objectPolicyShares } from './sharing.ts';

const cursor = createCursor(
  1,
  z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('objects'), token: z.string() }),
    z.strictObject({ by: z.literal('versions'), key: z.string(), version: z.string().optional() }),
  ]),
);

// With an ACL to read for each object a page must still fit in a minute under a scarce quota.
const pageSize = { plain: 1000, acls: 250 } as const;
const aclWidth = 8;

export const fileId = (bucket: string, key: string): string => `${bucket}/${key}`;
export function readFileId(id: string): { bucket: string; key?: string } {
  const at = id.indexOf('/');
  return at < 0 ? { bucket: id } : { bucket: id.slice(0, at), key: id.slice(at + 1) };
}

/** One object, or what a delete marker hides. */
export interface S3Item {
  key: string;
  size?: number;
  etag?: string;
  versionId?: string;
  modifiedAt?: Date;
  owner?: string;
  storageClass?: string;
  mediaType?: string;
  trashed: boolean;
}

/** Whether the address of this key survives HTTP: dot segments do not. */
const addressable = (key: string) => !key.split('/').some((segment) => segment === '.' || segment === '..');

async function objectShares(session: AwsSession, facts: BucketFacts, item: S3Item): Promise<Share[]> {
  const shares = objectPolicyShares(facts, item.key);
  if (!facts.acls || item.trashed || !addressable(item.key)) return shares;
  const acl = await absentAs(
    's3:GetObjectAcl',
    clientsOf(session)
      .s3(facts.region)
      .send(new GetObjectAclCommand({ Bucket: facts.bucket, Key: item.key })),
    undefined,
    'NoSuchKey',
    'NotFound',
    'MethodNotAllowed',
  );
  return [...aclShares(acl?.Grants ?? [], facts), ...shares];
}

/** Who gets at an object by what is written on it and on its bucket. What IAM allows its own is not looked up. */
export async function lostWithObject(session: AwsSession, bucket: string, key: string): Promise<LostAccess[]> {
  const facts = await factsOf(session, bucket);
  const shares = [...facts.shares, ...(await objectShares(session, facts, { key, trashed: false }))];
  return shares.map(({ to, role, evidence }) => ({ who: to === '*' ? 'everybody' : to, how: evidence ?? role }));
}

export function fileRecord(facts: BucketFacts, item: S3Item, shares: Share[]): FileRecord {
  const { key } = item;
  return {
    kind: 'files',
    vendorId: fileId(facts.bucket, key),
    name: /([^/]+)\/*$/.exec(key)?.[1] ?? key,
    path: `/${facts.bucket}/${key}`,
    type: 'file',
    parentId: facts.bucket,
    ancestors: [facts.bucket],
    ownerId: item.owner ?? facts.owner,
    size: item.size,
    version: item.versionId && item.versionId !== 'null' ? item.versionId : item.etag,
    modifiedAt: item.modifiedAt,
    trashed: item.trashed,
    shares,
    raw: plain({ bucket: facts.bucket, ...item }),
  };
}

async function rows(session: AwsSession, facts: BucketFacts, items: S3Item[]) {
  const skipped: Skipped[] = [];
  const fitting = items.filter(({ key }) => {
    if (fileId(facts.bucket, key).length <= 1100) return true;
    skipped.push({ why: `a key of ${key.length} characters is longer than S3 allows` });
    return false;
  });
  const records = await inParallel(fitting, aclWidth, async (item) =>
    fileRecord(facts, item, await objectShares(session, facts, item)),
  );
  return { records, skipped };
}

async function listObjects(s3: S3Client, facts: BucketFacts, token: string | undefined) {
  const page = await vendor(
    's3:ListBucket',
    s3.send(
      new ListObjectsV2Command({
        Bucket: facts.bucket,
        MaxKeys: facts.acls ? pageSize.acls : pageSize.plain,
        ContinuationToken: token,
        FetchOwner: facts.acls,
      }),
    ),
  );
  const items = (page.Contents ?? []).map((object): S3Item => ({
    key: object.Key!,
    size: object.Size,
    etag: object.ETag,
    modifiedAt: object.LastModified,
    owner: object.Owner?.ID,
    storageClass: object.StorageClass,
    trashed: false,
  }));
  const next = page.IsTruncated ? page.NextContinuationToken : undefined;
  return { items, next: next === undefined ? undefined : cursor.write({ by: 'objects', token: next }) };
}

/** In a versioned bucket the versions show what is there and, by its delete marker, what is in the trash. */
async function listVersions(s3: S3Client, facts: BucketFacts, from: { key: string; version?: string } | undefined) {
  const page = await absentAs(
    's3:ListBucketVersions',
    s3.send(
      new ListObjectVersionsCommand({
        Bucket: facts.bucket,
        MaxKeys: facts.acls ? pageSize.acls : pageSize.plain,
        KeyMarker: from?.key,
        VersionIdMarker: from?.version,
      }),
    ),
    undefined,
    'AccessDenied',
  );
  // Without this permission the trash is not seen, but the objects are.
  if (!page) return listObjects(s3, facts, undefined);
  const items: S3Item[] = (page.Versions ?? [])
    .filter(({ IsLatest }) => IsLatest)
    .map((version) => ({
      key: version.Key!,
      size: version.Size,
      etag: version.ETag,
      versionId: version.VersionId,
      modifiedAt: version.LastModified,
      owner: version.Owner?.ID,
      storageClass: version.StorageClass,
      trashed: false,
    }));
  for (const marker of page.DeleteMarkers ?? [])
    if (marker.IsLatest)
      items.push({
        key: marker.Key!,
        versionId: marker.VersionId,
        modifiedAt: marker.LastModified,
        owner: marker.Owner?.ID,
        trashed: true,
      });
  if (!page.IsTruncated) return { items, next: undefined };
  if (page.NextKeyMarker === undefined)
    throw new Failure('unavailable', 's3:ListBucketVersions says that it goes on, but not where', { who: 'vendor' });
  return {
    items,
    next: cursor.write({ by: 'versions', key: page.NextKeyMarker, version: page.NextVersionIdMarker }),
  };
}

async function sweep(session: AwsSession, request: PageRequest): Promise<Page<FileRecord>> {
  const { part } = request;
  if (part.id === queuePart) return { records: [] };
  const at = request.cursor === undefined ? undefined : cursor.read(request.cursor);
  const facts = await factsOf(session, part.id);
  const s3 = clientsOf(session).s3(facts.region);
  const page =
    at?.by === 'objects' || (!at && facts.versioning === 'never')
      ? await listObjects(s3, facts, at?.token)
      : await listVersions(s3, facts, at);
  const { records, skipped } = await rows(session, facts, page.items);
  if (!at) records.unshift(bucketRecord(facts));
  return { records, skipped, next: page.next };
}

/** The present state of one object: what is there, or the delete marker that hides it; undefined when neither is. */
export async function readItem(session: AwsSession, facts: BucketFacts, key: string): Promise<S3Item | undefined> {
  const s3 = clientsOf(session).s3(facts.region);
  const head = await absentAs(
    's3:GetObject',
    s3.send(new HeadObjectCommand({ Bucket: facts.bucket, Key: key })),
    undefined,
    'NotFound',
    'NoSuchKey',
    // The answer to a HEAD that meets a delete marker.
    'MethodNotAllowed',
  );
  if (head)
    return {
      key,
      size: head.ContentLength,
      etag: head.ETag,
      versionId: head.VersionId,
      modifiedAt: head.LastModified,
      storageClass: head.StorageClass ?? 'STANDARD',
      mediaType: head.ContentType,
      trashed: false,
    };
  if (facts.versioning === 'never') return undefined;
  const versions = await absentAs(
    's3:ListBucketVersions',
    s3.send(new ListObjectVersionsCommand({ Bucket: facts.bucket, Prefix: key, MaxKeys: 100 })),
    undefined,
    'AccessDenied',
  );
  const marker = versions?.DeleteMarkers?.find(({ Key, IsLatest }) => Key === key && IsLatest);
  return marker && { key, versionId: marker.VersionId, modifiedAt: marker.LastModified, trashed: true };
}

async function lookup(session: AwsSession, refs: readonly Ref[]): Promise<Looked<FileRecord>> {
  const records: FileRecord[] = [];
  const absent: Ref[] = [];
  const unknown: Ref[] = [];
  await inParallel(refs, aclWidth, async (ref) => {
    const { bucket, key } = readFileId(ref.vendorId);
    if (ref.kind !== 'files' || !inScope(session.settings, bucket)) return void unknown.push(ref);
    let facts: BucketFacts;
    try {
      facts = await factsOf(session, bucket);
    } catch (error) {
      if (!(error instanceof Failure) || error.details.evidence?.vendorCode !== 'NoSuchBucket') throw error;
      return void absent.push(ref);
    }
    if (key === undefined) return void records.push(bucketRecord(facts));
    if (!addressable(key)) return void unknown.push(ref);
    const item = await readItem(session, facts, key);
    if (item) records.push(fileRecord(facts, item, await objectShares(session, facts, item)));
    else absent.push(ref);
  });
  return { records, absent, unknown };
}

export const filesStage: Stage<FileRecord, AwsSettings> = {
  parts: bucketParts,
  sweep,
  changes: queueChanges,
  lookup,
  acknowledge: acknowledgeQueue,
};

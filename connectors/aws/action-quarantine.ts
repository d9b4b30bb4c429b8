import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectAclCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectAclCommand,
  type Grant,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Action } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { copySource, objectOf, touchesOf, type FileTarget } from './actions-file.ts';
import { bucketClient, factsOf, forgetBucket } from './buckets.ts';
import { plain } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import { grantHeaders } from './grant-headers.ts';
import { lostWithObject, readItem } from './objects.ts';
import type { AwsSession, AwsSettings } from './settings.ts';

/** CopyObject takes no more; larger ones need a copy in parts. */
const copyLimit = 5 * 1024 ** 3;

export type QuarantineState = {
  bucket: string;
  key: string;
  versioning: 'enabled' | 'suspended' | 'never';
  place: 'there' | 'trashed' | 'gone';
  /** The content's version, below the delete marker where there is one. */
  versionId?: string;
  /** The delete marker that hides it. */
  markerId?: string;
  etag?: string;
  size?: number;
  storageClass?: string;
  /** The object's own ACL, where ACLs count. */
  grants?: Grant[];
  /** The copy in the quarantine bucket. */
  copy?: { etag?: string; size?: number };
};

const conflict = (why: string, remedy?: string) => new Failure('conflict', why, { who: 'operator', remedy });

function quarantineOf(session: AwsSession): string {
  const bucket = session.settings.quarantineBucket;
  if (!bucket)
    throw conflict('no quarantine bucket is set', 'set settings.quarantineBucket to a bucket of this account');
  return bucket;
}
/** The place of the copy says where it came from; a second quarantine of the same object replaces the first copy. */
const copyKey = (bucket: string, key: string) => `castellan/${bucket}/${key}`;

async function head(s3: S3Client, Bucket: string, Key: string, VersionId?: string) {
  return absentAs(
    's3:GetObject',
    s3.send(new HeadObjectCommand({ Bucket, Key, VersionId })),
    undefined,
    'NotFound',
    'NoSuchKey',
    'NoSuchVersion',
    'MethodNotAllowed',
  );
}

const real = (versionId: string | undefined) => (versionId === 'null' ? undefined : versionId);

async function readState(session: AwsSession, id: string): Promise<QuarantineState> {
  const { bucket, key } = objectOf(id);
  const quarantine = quarantineOf(session);
  if (bucket === quarantine) throw conflict(`${key} is in the quarantine bucket already`);
  forgetBucket(session, bucket);
  const facts = await factsOf(session, bucket);
  const s3 = await bucketClient(session, bucket);
  const item = await readItem(session, facts, key);
  const state: QuarantineState = { bucket, key, versioning: facts.versioning, place: 'gone' };
  const copied = await head(await bucketClient(session, quarantine), quarantine, copyKey(bucket, key));
  if (copied) state.copy = { etag: copied.ETag, size: copied.ContentLength };
  if (item?.trashed) {
    const versions = await vendor(
      's3:ListBucketVersions',
      s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key, MaxKeys: 100 })),
    );
    const below = versions.Versions?.find((version) => version.Key === key);
    return {
      ...state,
      place: 'trashed',
      markerId: item.versionId,
      versionId: real(below?.VersionId),
      etag: below?.ETag,
      size: below?.Size,
      storageClass: below?.StorageClass,
    };
  }
  if (!item) return state;
  const acl = facts.acls
    ? await absentAs(
        's3:GetObjectAcl',
        s3.send(new GetObjectAclCommand({ Bucket: bucket, Key: key })),
        undefined,
        'NoSuchKey',
      )
    : undefined;
  return {
    ...state,
    place: 'there',
    versionId: real(item.versionId),
    etag: item.etag,
    size: item.size,
    storageClass: item.storageClass,
    grants: acl && (plain(acl.Grants ?? []) as Grant[]),
  };
}

/** An ETag is the content's MD5 only without KMS keys and parts; the size always counts. */
const sameContent = (
  one: { etag?: string; size?: number } | undefined,
  other: { etag?: string; size?: number } | undefined,
) =>
  one?.size !== undefined &&
  one.size === other?.size &&
  (one.etag === other?.etag || one.etag?.includes('-') === true || other?.etag?.includes('-') === true);

async function copy(
  session: AwsSession,
  from: { bucket: string; key: string; versionId?: string },
  to: { bucket: string; key: string },
  storageClass?: string,
): Promise<void> {
  const s3 = await bucketClient(session, to.bucket);
  await vendor(
    's3:PutObject',
    s3.send(
      new CopyObjectCommand({
        Bucket: to.bucket,
        Key: to.key,
        CopySource: copySource(from.bucket, from.key, from.versionId),
        MetadataDirective: 'COPY',
        TaggingDirective: 'COPY',
        StorageClass: storageClass as 'STANDARD' | undefined,
      }),
    ),
  );
}
async function remove(session: AwsSession, Bucket: string, Key: string, VersionId?: string): Promise<void> {
  const s3 = await bucketClient(session, Bucket);
  await vendor(
    VersionId ? 's3:DeleteObjectVersion' : 's3:DeleteObject',
    s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId })),
  );
}

/** Puts the copy back where the original is no more, with its metadata, tags, storage class and ACL. */
async function putBack(session: AwsSession, before: QuarantineState): Promise<void> {
  const { bucket, key } = before;
  await copy(
    session,
    { bucket: quarantineOf(session), key: copyKey(bucket, key) },
    { bucket, key },
    before.storageClass,
  );
  if (before.grants?.length) {
    const s3 = await bucketClient(session, bucket);
    await vendor(
      's3:PutObjectAcl',
      s3.send(
        new PutObjectAclCommand({
          Bucket: bucket,
          Key: key,
          ...grantHeaders(before.grants),
        }),
      ),
    );
  }
  if (before.place === 'trashed') await remove(session, bucket, key);
}

export const quarantineFile: Action<FileTarget, QuarantineState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { fileId }) {
    const state = await readState(session, fileId);
    const { bucket, key, place, size = 0 } = state;
    // Hidden or gone here, and its content is in quarantine: by an earlier run of this action.
    const done = place !== 'there' && state.copy !== undefined && (!state.etag || sameContent(state.copy, state));
    if (!done && (place === 'gone' || !state.etag))
      throw new Failure('notFound', `there is no object ${key} in ${bucket}`, { who: 'operator' });
    if (size > copyLimit)
      throw conflict(`${key} has ${size} bytes; S3 copies at most 5 GiB in one step`, 'quarantine it by hand');
    if (/GLACIER|DEEP_ARCHIVE/.test(state.storageClass ?? '') && state.storageClass !== 'GLACIER_IR')
      throw conflict(`${key} is archived (${state.storageClass}) and must be restored before it can be copied`);
    const target = `${quarantineOf(session)}/${copyKey(bucket, key)}`;
    const takenAway =
      place === 'trashed'
        ? `Delete version ${state.versionId} of ${key}, which is in the trash of ${bucket}.`
        : state.versioning === 'enabled'
          ? `Put a delete marker on ${key} in ${bucket}.`
          : `Delete ${key} from ${bucket}, which keeps no versions; the copy is then the only one.`;
    return {
      state,
      plan: [`Copy ${key} from ${bucket} to ${target} with metadata and tags, and compare size and ETag.`, takenAway],
      irreversible:
        place === 'there' && state.versioning !== 'never'
          ? [`Earlier versions of ${key} stay readable in ${bucket} for whoever has s3:GetObjectVersion.`]
          : [`After a release ${key} has a new date of change${place === 'trashed' ? ' and version id' : ''}.`],
      calls: 3,
      rereads: 2,
      done,
      losesAccess: done || place !== 'there' ? [] : await lostWithObject(session, bucket, key),
      touches: touchesOf(bucket, key),
    };
  },
  async apply(session, { fileId }, before) {
    const { bucket, key } = before;
    const quarantine = { bucket: quarantineOf(session), key: copyKey(bucket, key) };
    const now = await readState(session, fileId);
    const untouched = now.place === before.place && now.etag === before.etag && now.versionId === before.versionId;
    if (untouched) {
      await copy(session, before, quarantine);
      const copied = await readState(session, fileId);
      if (!sameContent(copied.copy, before))
        throw new Failure('unavailable', `the copy of ${key} is not what was copied; nothing was deleted`, {
          who: 'operator',
        });
      await remove(session, bucket, key, before.place === 'trashed' ? before.versionId : undefined);
    } else if (!(now.place !== 'there' && sameContent(now.copy, before)))
      // Otherwise it is our own work, whose answer was lost.
      throw conflict(`${key} has changed since the plan was made`);
    return { after: await readState(session, fileId) };
  },
  async undo(session, _target, before, after) {
    const { bucket, key } = before;
    const now = await readState(session, `${bucket}/${key}`);
    if (now.place === before.place && sameContent(now, before)) {
      // It is back already; only the copy may be left.
    } else if (before.place === 'there' && after.place === 'trashed' && after.markerId)
      // The very object comes back, with all that belongs to it.
      await remove(session, bucket, key, after.markerId);
    else await putBack(session, before);
    const back = await readState(session, `${bucket}/${key}`);
    if (!sameContent(back, before))
      throw new Failure('unavailable', `${key} did not come back as it was; the copy is kept`, { who: 'operator' });
    await remove(session, quarantineOf(session), copyKey(bucket, key));
  },
  verified: (before, after) =>
    sameContent(after.copy, before) &&
    after.place !== 'there' &&
    (before.place !== 'trashed' || after.versionId !== before.versionId),
};

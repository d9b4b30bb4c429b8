import { createHash } from 'node:crypto';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { ActionTarget } from '../actions.ts';
import type { Action } from '../connector.ts';
import type { Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { bucketClient, factsOf, forgetBucket, type BucketFacts } from './buckets.ts';
import { absentAs, vendor } from './errors.ts';
import { fileId, lostWithObject, readFileId, readItem } from './objects.ts';
import type { AwsSession, AwsSettings } from './settings.ts';

export type FileTarget = ActionTarget<'trashFile'>;

const conflict = (why: string, remedy?: string) => new Failure('conflict', why, { who: 'operator', remedy });

/** An object of a file id; a bucket is refused. */
export function objectOf(fileIdText: string): { bucket: string; key: string } {
  const { bucket, key } = readFileId(fileIdText);
  if (key === undefined || key === '') throw conflict('a whole bucket cannot be moved; name an object in it');
  return { bucket, key };
}
export const touchesOf = (bucket: string, key?: string): Ref[] => [
  { kind: 'files', vendorId: key === undefined ? bucket : fileId(bucket, key), part: bucket },
];

/** `bucket/key?versionId=…` as CopyObject wants it. */
export const copySource = (bucket: string, key: string, versionId?: string): string =>
  `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}${versionId ? `?versionId=${encodeURIComponent(versionId)}` : ''}`;

export type ObjectState = {
  bucket: string;
  key: string;
  versioning: BucketFacts['versioning'];
  /** `trashed`: a delete marker hides it. */
  place: 'there' | 'trashed' | 'gone';
  etag?: string;
  size?: number;
  /** Of the object, or of the delete marker. */
  versionId?: string;
};

export async function readObject(session: AwsSession, id: string): Promise<ObjectState> {
  const { bucket, key } = objectOf(id);
  // Versioning decides whether a delete can be taken back, so it is read anew.
  forgetBucket(session, bucket);
  const facts = await factsOf(session, bucket);
  const item = await readItem(session, facts, key);
  return {
    bucket,
    key,
    versioning: facts.versioning,
    place: !item ? 'gone' : item.trashed ? 'trashed' : 'there',
    etag: item?.etag,
    size: item?.size,
    versionId: item?.versionId === 'null' ? undefined : item?.versionId,
  };
}
const gone = (state: ObjectState) =>
  new Failure('notFound', `there is no object ${state.key} in ${state.bucket}`, { who: 'operator' });

async function removeVersion(session: AwsSession, state: Pick<ObjectState, 'bucket' | 'key'>, VersionId?: string) {
  const s3 = await bucketClient(session, state.bucket);
  return vendor(
    VersionId ? 's3:DeleteObjectVersion' : 's3:DeleteObject',
    s3.send(new DeleteObjectCommand({ Bucket: state.bucket, Key: state.key, VersionId })),
  );
}

export const trashFile: Action<FileTarget, ObjectState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { fileId: id }) {
    const began = session.calls();
    const state = await readObject(session, id);
    const reading = session.calls() - began;
    if (state.place === 'gone') throw gone(state);
    if (state.versioning !== 'enabled')
      throw conflict(
        `${state.bucket} keeps no versions: deleting ${state.key} there would be for ever, not into a trash`,
        'turn versioning on for the bucket, or quarantine the object instead',
      );
    return {
      state,
      plan: [`Put a delete marker on ${state.key} in ${state.bucket}; the object stays below it as a version.`],
      irreversible: [],
      calls: 1 + 2 * reading,
      done: state.place === 'trashed',
      losesAccess: state.place === 'trashed' ? [] : await lostWithObject(session, state.bucket, state.key),
      touches: touchesOf(state.bucket, state.key),
    };
  },
  async apply(session, { fileId: id }, before) {
    // A second marker would have to be taken off twice.
    if (before.place === 'there' && (await readObject(session, id)).place === 'there')
      await removeVersion(session, before);
    return { after: await readObject(session, id) };
  },
  async undo(session, _target, before, after) {
    if (before.place === 'there' && after.place === 'trashed' && after.versionId)
      await removeVersion(session, before, after.versionId);
  },
  verified: (_before, after) => after.place === 'trashed',
};

export const restoreFile: Action<FileTarget, ObjectState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { fileId: id }) {
    const began = session.calls();
    const state = await readObject(session, id);
    const reading = session.calls() - began;
    if (state.place === 'gone') throw gone(state);
    return {
      state,
      plan: [`Remove the delete marker of ${state.key} in ${state.bucket}; the version below it is there again.`],
      irreversible: [],
      calls: 1 + reading,
      done: state.place === 'there',
      touches: touchesOf(state.bucket, state.key),
    };
  },
  async apply(session, { fileId: id }, before) {
    if (before.place === 'trashed' && before.versionId) await removeVersion(session, before, before.versionId);
    return { after: await readObject(session, id) };
  },
  async undo(session, { fileId: id }, before) {
    // A second marker would hide it twice.
    if (before.place === 'trashed' && (await readObject(session, id)).place === 'there')
      await removeVersion(session, before);
  },
  verified: (_before, after) => after.place === 'there',
};

const notice =
  'This file was removed by your administrator because it did not comply with the rules for shared data.\n';
const noticeEtag = `"${createHash('md5').update(notice).digest('hex')}"`;
/** An ETag is the MD5 only without KMS and parts; the size is the second evidence. */
const isNotice = (state: ObjectState, before: ObjectState) =>
  state.place === 'there' &&
  (state.etag === noticeEtag || (state.etag !== before.etag && state.size === Buffer.byteLength(notice)));

export const overwriteFile: Action<FileTarget, ObjectState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { fileId: id }) {
    const began = session.calls();
    const state = await readObject(session, id);
    const reading = session.calls() - began;
    if (state.place !== 'there') throw gone(state);
    const kept = state.versioning === 'enabled' && state.versionId !== undefined;
    return {
      state,
      plan: [
        `Write a notice over ${state.key} in ${state.bucket}, if it has not changed since (If-Match ${state.etag}).`,
      ],
      irreversible: kept
        ? [`The content stays readable as version ${state.versionId} for whoever has s3:GetObjectVersion.`]
        : [`${state.bucket} keeps no versions: the content is lost and cannot be restored.`],
      calls: 1 + 2 * reading,
      done: state.etag === noticeEtag,
      losesAccess: state.etag === noticeEtag ? [] : await lostWithObject(session, state.bucket, state.key),
      touches: touchesOf(state.bucket, state.key),
    };
  },
  async apply(session, { fileId: id }, before) {
    const now = await readObject(session, id);
    if (isNotice(now, before)) return { after: now };
    const s3 = await bucketClient(session, before.bucket);
    const wrote = await absentAs(
      's3:PutObject',
      s3.send(
        new PutObjectCommand({
          Bucket: before.bucket,
          Key: before.key,
          Body: notice,
          ContentType: 'text/plain; charset=utf-8',
          IfMatch: before.etag,
        }),
      ),
      undefined,
      'PreconditionFailed',
    );
    const after = await readObject(session, id);
    // Refused because it is the notice already: our own write, whose answer was lost.
    if (!wrote && !isNotice(after, before)) throw conflict(`${before.key} has changed since the plan was made`);
    return { after };
  },
  async undo(session, _target, before, after) {
    if (before.versioning !== 'enabled' || !before.versionId || !after.versionId)
      throw conflict(`${before.bucket} kept no version of ${before.key}`);
    // Without the notice's version the earlier one is current again, with its ACL, tags and metadata.
    await removeVersion(session, before, after.versionId);
  },
  verified: (before, after) => isNotice(after, before),
};

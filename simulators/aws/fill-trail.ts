import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

type TrailRecord = Record<string, unknown>;
const textOf = (value: unknown, otherwise: string) => (typeof value === 'string' && value ? value : otherwise);

/** `AWSLogs/<account>/CloudTrail/<region>/YYYY/MM/DD/<account>_CloudTrail_<region>_YYYYMMDDTHHmmZ_<16>.json.gz` */
export function trailKey(account: string, region: string, at: Date, unique: string): string {
  const iso = at.toISOString();
  const day = iso.slice(0, 10);
  const minute = `${day.replaceAll('-', '')}T${iso.slice(11, 13)}${iso.slice(14, 16)}Z`;
  const random = createHash('sha256').update(unique).digest('hex').slice(0, 16);
  return `AWSLogs/${account}/CloudTrail/${region}/${day.replaceAll('-', '/')}/${account}_CloudTrail_${region}_${minute}_${random}.json.gz`;
}

/** Puts one log file; returns its key. */
export async function putTrailFile(
  s3: S3Client,
  bucket: string,
  records: readonly TrailRecord[],
  deliveredAt: Date,
): Promise<string> {
  const [first = {}] = records;
  const account = textOf(first.recipientAccountId, '123456789012');
  const region = textOf(first.awsRegion, 'us-east-1');
  const key = trailKey(account, region, deliveredAt, JSON.stringify(records));
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: gzipSync(JSON.stringify({ Records: records })),
      ContentType: 'application/json',
    }),
  );
  return key;
}

/** The records as CloudTrail would have delivered them: by account, Region and five minutes, each file gzipped. */
export async function fillTrail(client: S3ClientConfig, records: readonly TrailRecord[], bucket = 'acme-cloudtrail') {
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const files = new Map<string, { records: TrailRecord[]; at: Date }>();
  for (const record of records) {
    const happened = Date.parse(textOf(record.eventTime, ''));
    const delivered = Math.ceil((Number.isNaN(happened) ? Date.now() : happened) / 300_000) * 300_000 + 300_000;
    const name = `${textOf(record.recipientAccountId, '')} ${textOf(record.awsRegion, '')} ${delivered}`;
    const file = files.get(name) ?? { records: [], at: new Date(delivered) };
    file.records.push(record);
    files.set(name, file);
  }
  for (const file of files.values()) await putTrailFile(s3, bucket, file.records, file.at);
  return { trailBucket: bucket, trailFiles: files.size, trailRecords: records.length };
}

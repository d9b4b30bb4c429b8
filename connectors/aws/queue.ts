import { DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import type { Page, PageRequest, Ref, Skipped } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import type { FileRecord } from '../records.ts';
import { queuePart } from './buckets.ts';
import { clientsOf } from './clients.ts';
import { vendor } from './errors.ts';
import { inScope, type AwsSession } from './settings.ts';

const s3Record = z.looseObject({
  eventName: z.string().optional(),
  s3: z.looseObject({
    bucket: z.looseObject({ name: z.string() }),
    object: z.looseObject({ key: z.string() }),
  }),
});
const notification = z.looseObject({ Records: z.array(z.unknown()) });
const testEvent = z.looseObject({ Event: z.literal('s3:TestEvent') });
const snsEnvelope = z.looseObject({ Type: z.literal('Notification'), Message: z.string() });
const eventBridge = z.looseObject({
  source: z.literal('aws.s3'),
  detail: z.looseObject({
    bucket: z.looseObject({ name: z.string() }),
    object: z.looseObject({ key: z.string() }),
  }),
});

export interface Notice {
  bucket: string;
  key: string;
}

/** S3 encodes the key of a notification as a form does; one that does not decode is taken as it stands. */
function formDecoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

/**
 * What a message tells: S3's own notification, the same inside SNS, or EventBridge's form. S3's validation message has
 * nothing to tell. Undefined when it is none of these.
 */
export function readNotices(body: string): { notices: Notice[]; bad: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const wrapped = snsEnvelope.safeParse(value);
  if (wrapped.success) {
    try {
      value = JSON.parse(wrapped.data.Message);
    } catch {
      return undefined;
    }
  }
  if (testEvent.safeParse(value).success) return { notices: [], bad: 0 };
  const bridged = eventBridge.safeParse(value);
  if (bridged.success) {
    const { bucket, object } = bridged.data.detail;
    // This form alone has the key as it is.
    return { notices: [{ bucket: bucket.name, key: object.key }], bad: 0 };
  }
  const direct = notification.safeParse(value);
  if (!direct.success) return undefined;
  const parsed = direct.data.Records.map((each) => s3Record.safeParse(each));
  return {
    notices: parsed.flatMap(({ data }) =>
      data ? [{ bucket: data.s3.bucket.name, key: formDecoded(data.s3.object.key) }] : [],
    ),
    bad: parsed.filter(({ success }) => !success).length,
  };
}

const receiptSchema = z.array(z.strictObject({ id: z.string(), handle: z.string() }));
const opened = 'open';

/**
 * One receive. A notice only says where to look: notices come twice and out of order, so what counts is the object as
 * it is when it is looked up. The messages are deleted after the commit; if that fails they come again.
 */
export async function queueChanges(session: AwsSession, request: PageRequest): Promise<Page<FileRecord>> {
  const { queueUrl } = session.settings;
  if (request.part.id !== queuePart || !queueUrl || request.checkpoint === undefined)
    return { records: [], checkpoint: opened };
  const answer = await vendor(
    'sqs:ReceiveMessage',
    clientsOf(session).sqs.send(
      // A second of waiting asks all of the queue's servers; without it some messages are not seen.
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    ),
  );
  const messages = answer.Messages ?? [];
  const touched = new Map<string, Ref>();
  const skipped: Skipped[] = [];
  for (const { Body = '', MessageId = '' } of messages) {
    const read = readNotices(Body);
    if (!read || read.bad > 0)
      skipped.push({ vendorId: MessageId || undefined, why: 'a message of the queue is no S3 notification' });
    for (const { bucket, key } of read?.notices ?? [])
      if (inScope(session.settings, bucket))
        touched.set(`${bucket}/${key}`, { kind: 'files', vendorId: `${bucket}/${key}`, part: bucket });
  }
  return {
    records: [],
    touched: [...touched.values()],
    skipped,
    checkpoint: opened,
    // Any text but the last one's: the run goes on until the queue is empty.
    next: messages.length > 0 ? `after ${messages[0]!.MessageId}` : undefined,
    receipt: messages.length
      ? JSON.stringify(
          messages.map(({ MessageId = '', ReceiptHandle = '' }) => ({ id: MessageId, handle: ReceiptHandle })),
        )
      : undefined,
  };
}

export async function acknowledgeQueue(session: AwsSession, receipt: string): Promise<void> {
  const messages = receiptSchema.parse(JSON.parse(receipt));
  if (messages.length === 0) return;
  const answer = await vendor(
    'sqs:DeleteMessage',
    clientsOf(session).sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: session.settings.queueUrl,
        Entries: messages.map(({ handle }, index) => ({ Id: String(index), ReceiptHandle: handle })),
      }),
    ),
  );
  const failed = answer.Failed ?? [];
  // An expired handle is the vendor's way to say that the message will come again, which is harmless.
  const serious = failed.filter(({ Code }) => Code !== 'ReceiptHandleIsInvalid');
  if (serious.length > 0)
    throw new Failure('unavailable', `sqs:DeleteMessage left ${serious.length} messages: ${serious[0]!.Code}`, {
      who: 'vendor',
    });
}

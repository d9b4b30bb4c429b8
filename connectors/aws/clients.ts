import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';
import type { HttpRequest } from '@smithy/types';
import { commandHeader, requestHandler } from './request-handler.ts';
import { endpointOf, globalRegion, queueRegion, type AwsSession, type ServiceName } from './settings.ts';

export interface Clients {
  iam: IAMClient;
  sts: STSClient;
  sqs: SQSClient;
  s3(region: string): S3Client;
  cloudtrail(region: string): CloudTrailClient;
}

// `authorize` signs, with the credential that the SDK never sees.
const unsigned = {
  credentials: { accessKeyId: 'signed-by-the-session', secretAccessKey: 'signed-by-the-session' },
  signer: { sign: (request: HttpRequest) => Promise.resolve(request) },
};

/** Log files and object bodies are read whole; nothing larger is held in memory. */
export const maxBodyBytes = 64 * 1024 * 1024;

interface CommandStack {
  middlewareStack: {
    add(
      middleware: (
        next: (args: never) => Promise<never>,
        context: { commandName?: string },
      ) => (args: { request: unknown }) => Promise<never>,
      options: { step: 'build'; name: string },
    ): void;
  };
}

/** Tells the request handler which command a request is: only the SDK's own context knows it for S3. */
function named<C>(client: C): C {
  (client as unknown as CommandStack).middlewareStack.add(
    (next, context) => (args) => {
      (args.request as HttpRequest).headers[commandHeader] = context.commandName ?? 'Unknown';
      return next(args as never);
    },
    { step: 'build', name: 'castellanCommandName' },
  );
  return client;
}

function create(session: AwsSession): Clients {
  const { settings } = session;
  const options = (service: ServiceName, region: string) => ({
    ...unsigned,
    region,
    endpoint: endpointOf(settings, service),
    maxAttempts: 1,
    requestHandler: requestHandler(
      (call) => session.fetch(call),
      service,
      region,
      service === 's3' ? maxBodyBytes : undefined,
    ),
  });
  const perRegion = <C>(make: (region: string) => C) => {
    const made = new Map<string, C>();
    return (region: string): C => {
      let client = made.get(region);
      if (!client) made.set(region, (client = make(region)));
      return client;
    };
  };
  const global = globalRegion(settings);
  return {
    iam: named(new IAMClient(options('iam', global))),
    sts: named(new STSClient(options('sts', global))),
    sqs: named(new SQSClient({ ...options('sqs', queueRegion(settings)), useQueueUrlAsEndpoint: false })),
    s3: perRegion((region) =>
      named(
        new S3Client({
          ...options('s3', region),
          forcePathStyle: true,
          followRegionRedirects: true,
          requestChecksumCalculation: 'WHEN_REQUIRED',
          responseChecksumValidation: 'WHEN_REQUIRED',
        }),
      ),
    ),
    cloudtrail: perRegion((region) => named(new CloudTrailClient(options('cloudtrail', region)))),
  };
}

const clients = new WeakMap<AwsSession, Clients>();

/** The SDK's clients over this session's governed `fetch`. */
export function clientsOf(session: AwsSession): Clients {
  let found = clients.get(session);
  if (!found) clients.set(session, (found = create(session)));
  return found;
}

/** What a session has read once and may use again: names by id, policy documents, facts of a bucket. */
const memory = new WeakMap<AwsSession, Map<string, Promise<unknown>>>();
export function remembered<T>(session: AwsSession, key: string, read: () => Promise<T>): Promise<T> {
  let known = memory.get(session);
  if (!known) memory.set(session, (known = new Map()));
  let value = known.get(key) as Promise<T> | undefined;
  if (!value) {
    value = read();
    const held = known;
    held.set(key, value);
    value.catch(() => held.delete(key));
  }
  return value;
}
export function forget(session: AwsSession, key: string): void {
  memory.get(session)?.delete(key);
}

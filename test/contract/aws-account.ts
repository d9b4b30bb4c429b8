import { readFileSync } from 'node:fs';
import { S3Client } from '@aws-sdk/client-s3';
import { aws } from '../../connectors/aws/index.ts';
import type { TrailEvent } from '../../connectors/aws/ocsf.ts';
import type { OpenOptions, Session } from '../../connectors/connector.ts';
import type { ProcessOwner } from '../../local/processes.ts';
import { startMoto } from '../../local/servers/start-moto.ts';
import { fillAws, type AwsFilled } from '../../simulators/aws/fill.ts';
import { startAwsFront } from '../../simulators/aws/server.ts';
import { createOpenGovernor } from '../support/open-governor.ts';
import { madeEvent } from './made-trail-event.ts';
import { sharedFolder } from './ocsf-validator.ts';

/** A filled account in moto behind the front server, and how to open sessions of a connection to it. */
export interface AwsAccount {
  front: Awaited<ReturnType<typeof startAwsFront>>;
  filled: AwsFilled;
  s3: S3Client;
  open(this: void, options?: Partial<OpenOptions>): Session;
}

const samplesFolder = sharedFolder('CASTELLAN_SAMPLES', 'samples');
const samples: TrailEvent[] = samplesFolder
  ? (JSON.parse(readFileSync(`${samplesFolder}/aws-cloudtrail.json`, 'utf8')) as TrailEvent[])
  : [];

/** @param logFolder where moto's output goes */
export async function startAwsAccount(owner: ProcessOwner, logFolder: string): Promise<AwsAccount> {
  const moto = await startMoto(owner, { logFolder });
  if ('unavailable' in moto) throw new Error(`moto cannot be had here: ${moto.unavailable}`);
  const front = await startAwsFront({ moto: moto.endpoint, pageSize: 10, lookupPerSecond: 1000 });
  const filled = await fillAws({ endpoint: moto.endpoint, users: 24, groups: 4, objects: 60, trailRecords: samples });
  const now = Date.now();
  const events = Array.from({ length: 130 }, (_, index) => madeEvent(index, now - index * 3_600_000));
  front.control.addEvents({ region: 'us-east-1', events });
  const s3 = new S3Client({
    region: 'us-east-1',
    endpoint: moto.endpoint,
    forcePathStyle: true,
    // A copy: the SDK writes into it.
    credentials: { ...filled.credential },
  });
  const open = (options: Partial<OpenOptions> = {}) =>
    aws.open({
      connectionId: 'contract',
      tenantId: '123456789012',
      settings: {
        regions: ['us-east-1'],
        baseUrl: front.url,
        quarantineBucket: filled.quarantineBucket,
        trailBucket: filled.trailBucket,
        queueUrl: filled.queueUrl,
      },
      credential: filled.credential,
      credentialVersion: 1,
      governor: createOpenGovernor(),
      urgency: 'sweep',
      signal: new AbortController().signal,
      allowLocalOrigins: true,
      ...options,
    });
  return { front, filled, s3, open };
}

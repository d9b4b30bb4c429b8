import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillAws, type AwsFilled } from '../../simulators/aws/fill.ts';
import { startAwsFront } from '../../simulators/aws/server.ts';
import type { ProcessOwner } from '../processes.ts';
import { startMoto } from '../servers/start-moto.ts';
import { samplesFolder } from './samples.ts';
import { act, undo, type Governed, type Scenario } from './scenario.ts';

/**
 * moto with a small server before it for what it lacks, filled, and the scenario that connects it. Undefined, having
 * said why, where moto cannot be had.
 */
export async function startAws(
  owner: ProcessOwner,
  logFolder: string,
  say: (line: string) => void,
): Promise<Scenario | undefined> {
  const moto = await startMoto(owner, { logFolder });
  if ('unavailable' in moto) {
    say(`AWS is left out: its stand-in moto cannot be had here (${moto.unavailable})`);
    return undefined;
  }
  const samples = join(samplesFolder(), 'aws-cloudtrail.json');
  const known = existsSync(samples);
  if (!known) say(`no sample records of others at ${samples}: the CloudTrail bucket stays empty`);
  const trailRecords = known ? (JSON.parse(readFileSync(samples, 'utf8')) as Record<string, unknown>[]) : [];
  const front = await startAwsFront({ moto: moto.endpoint });
  const filled = await fillAws({ endpoint: moto.endpoint, trailRecords });
  say(
    `AWS stand-in: moto ${moto.version} from ${moto.source}; ${filled.users} users, ${filled.groups} groups, ` +
      `${filled.objects} objects in ${filled.buckets.length} buckets, ${filled.trailRecords} CloudTrail records in ${filled.trailFiles} files`,
  );
  return {
    title: 'AWS',
    body: {
      app: 'aws',
      name: 'Acme AWS (moto)',
      settings: {
        regions: ['us-east-1'],
        accountLabel: 'acme',
        baseUrl: front.url,
        trailBucket: filled.trailBucket,
        queueUrl: filled.queueUrl,
        quarantineBucket: filled.quarantineBucket,
      },
      credential: filled.credential,
      governance: 'on',
    },
    govern: (api, { id }, told) => govern(api, id, filled, told),
    close: () => front.close(),
  };
}

async function govern(
  api: Parameters<Scenario['govern']>[0],
  connectionId: string,
  filled: AwsFilled,
  say: (line: string) => void,
): Promise<Governed[]> {
  const appPermissionId = filled.accessKeyIds[0]!;
  say(`AWS: deactivating the access key ${appPermissionId}`);
  const key = await act(
    api,
    connectionId,
    'revokeAppPermission',
    { appPermissionId },
    'demo: a key found in a repository',
  );

  const fileId = filled.examples.versioned;
  say(`AWS: quarantining ${fileId}`);
  const file = await act(api, connectionId, 'quarantineFile', { fileId }, 'demo: it holds customer data');
  const governed: Governed[] = [
    {
      action: 'revokeAppPermission',
      state: key.state,
      verified: key.verified === true,
      proof: key.problem?.what ?? `${appPermissionId}: read back as inactive`,
    },
    {
      action: 'quarantineFile',
      state: file.state,
      verified: file.verified === true,
      proof: file.problem?.what ?? `${fileId}: read back as gone from its place`,
    },
  ];
  if (file.state !== 'done') return governed;
  say('AWS: releasing it again');
  const released = await undo(api, file.id, 'demo: it was test data');
  governed.push({
    action: 'quarantineFile (undo)',
    state: released.state,
    verified: released.undo?.verified === true,
    proof: released.problem?.what ?? `${fileId}: read back as it was`,
  });
  return governed;
}

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from '../../simulators/box/control.ts';
import { connectControl, type Remote } from '../../simulators/kit/control-client.ts';
import type { Api } from '../api-client.ts';
import type { ProcessOwner } from '../processes.ts';
import { program } from '../stack.ts';
import { act, undo, type Governed, type Scenario } from './scenario.ts';

interface Started {
  url: string;
  uploadUrl: string;
  downloadUrl: string;
  enterpriseId: string;
  clientId: string;
  clientSecret: string;
  filled: Record<string, number>;
}

const seenWithinMs = 60_000;

/** The Box simulator as a process of its own, filled, and the scenario that connects it. */
export async function startBox(owner: ProcessOwner, logFolder: string, say: (line: string) => void): Promise<Scenario> {
  const controlToken = randomBytes(16).toString('hex');
  const simulator = await owner.start({
    name: 'the Box simulator',
    ...program(
      'simulators/box/server.ts',
      ...[
        '--users',
        '12',
        '--groups',
        '6',
        '--items',
        '300',
        '--events',
        '600',
        '--control',
        controlToken,
        '--http-hooks',
      ],
      // An enterprise whose limits are far above the default, so that nobody waits for a minute to see it work.
      ...['--knobs', JSON.stringify({ limitFactor: 100 })],
    ),
    logFile: join(logFolder, 'box.log'),
    ready: { line: /^\{"ready":true.*\}$/m },
  });
  const { filled, clientId, clientSecret, enterpriseId, url, uploadUrl, downloadUrl } = JSON.parse(
    simulator.match![0],
  ) as Started;
  const counts = Object.entries(filled).map(([what, count]) => `${count} ${what}`);
  say(`Box simulator: ${counts.join(', ')}`);
  const control = connectControl<Control>(url, controlToken);
  return {
    title: 'Box',
    body: {
      app: 'box',
      name: 'Acme Box (simulated)',
      settings: { enterpriseId, baseUrl: url, uploadUrl, downloadUrl, callsPerMinute: 100_000 },
      credential: {
        type: 'clientCredentials',
        clientId,
        clientSecret,
        webhookKeys: ['primary-key-1', 'secondary-key-1'],
      },
      governance: 'on',
    },
    govern: (api, { id }, told) => govern(api, id, control, told),
  };
}

interface File {
  vendorId: string;
  name: string;
  ancestors: string[];
  sharing: string;
}

/** Somebody makes a file public in Box: it shows here, and an action takes the link away while we watch. */
async function govern(
  api: Api,
  connectionId: string,
  control: Remote<Control>,
  say: (line: string) => void,
): Promise<Governed[]> {
  const files = `/v1/connections/${connectionId}/files`;
  const { items } = await api.get<{ items: File[] }>(`${files}?type=file&trashed=false&limit=200`);
  // Box takes webhooks on folders, and none on a user's root.
  const file = items.find(({ ancestors, sharing }) => ancestors.length > 0 && sharing !== 'public');
  if (!file) throw new Error('the simulated enterprise has no file in a folder that is not public already');
  const path = `${files}/${encodeURIComponent(file.vendorId)}`;

  const begun = performance.now();
  await control.setLink({ id: file.vendorId.split(':')[1]!, link: { access: 'open' } });
  const publicFor = await until(async () => (await api.get<File>(path)).sharing === 'public', begun);
  say(`Box: ${file.name} was made public by somebody; it shows here after ${publicFor} ms`);

  const removed = await act(
    api,
    connectionId,
    'removeLink',
    { fileId: file.vendorId },
    'demo: not meant for everybody',
  );
  const governed: Governed[] = [
    {
      action: 'removeLink',
      state: removed.state,
      verified: removed.verified === true,
      proof: removed.problem?.what ?? `${file.name}: read back without a link`,
    },
  ];
  if (removed.state !== 'done') return governed;
  const againFor = await until(async () => (await api.get<File>(path)).sharing === file.sharing, performance.now());
  say(`Box: it is ${file.sharing} again here after another ${againFor} ms; undoing`);
  const undone = await undo(api, removed.id, 'demo: it was meant for everybody after all');
  governed.push({
    action: 'removeLink (undo)',
    state: undone.state,
    verified: undone.undo?.verified === true,
    proof: undone.problem?.what ?? `${file.name}: read back with the link as it was`,
  });
  return governed;
}

/** How many milliseconds it took since `begun`. */
async function until(so: () => Promise<boolean>, begun: number): Promise<number> {
  while (!(await so())) {
    if (performance.now() - begun > seenWithinMs)
      throw new Error('the change at Box did not show here within a minute');
    await delay(20);
  }
  return Math.round(performance.now() - begun);
}

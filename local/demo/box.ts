import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from '../../simulators/box/control.ts';
import type { Remote } from '../../simulators/kit/control-client.ts';
import type { Api } from '../api-client.ts';
import type { ProcessOwner } from '../processes.ts';
import { startBoxSimulator } from './box-simulator.ts';
import { act, undo, type Governed, type Scenario } from './scenario.ts';

const seenWithinMs = 60_000;

/** The Box simulator as a process of its own, filled, and the scenario that connects it. */
export async function startBox(owner: ProcessOwner, logFolder: string, say: (line: string) => void): Promise<Scenario> {
  // An enterprise whose limits are far above the default, so that nobody waits for a minute to see it work.
  const knobs = JSON.stringify({ limitFactor: 100 });
  const { control, filled, settings, credential } = await startBoxSimulator(owner, {
    logFile: join(logFolder, 'box.log'),
    options: { users: 12, groups: 6, items: 300, events: 600, knobs },
  });
  const counts = Object.entries(filled).map(([what, count]) => `${count} ${what}`);
  say(`Box simulator: ${counts.join(', ')}`);
  return {
    title: 'Box',
    body: {
      app: 'box',
      name: 'Acme Box (simulated)',
      settings: { ...settings, callsPerMinute: 100_000 },
      credential: { ...credential, webhookKeys: ['primary-key-1', 'secondary-key-1'] },
      governance: 'on',
      content: 'on',
    },
    async govern(api, { id }, told) {
      await readContent(api, id, control, told);
      return govern(api, id, control, told);
    },
  };
}

interface File {
  vendorId: string;
  name: string;
  ancestors: string[];
  sharing: string;
  content?: { sha256?: string; mediaType?: string; declaredType?: string };
}

/** Somebody uploads a file that is not what its name says: its content is read as soon as that is heard of. */
async function readContent(
  api: Api,
  connectionId: string,
  control: Remote<Control>,
  say: (line: string) => void,
): Promise<void> {
  const files = `/v1/connections/${connectionId}/files`;
  const { items } = await api.get<{ items: File[] }>(`${files}?type=folder&trashed=false&limit=1`);
  const [parent] = items;
  if (!parent) throw new Error('the simulated enterprise has no folder');
  const begun = performance.now();
  const name = 'minutes of the board.txt';
  const { id } = await control.createItem({
    type: 'file',
    name,
    parent: parent.vendorId.split(':')[1]!,
    text: '%PDF-1.7 as it looks from outside',
  });
  let content: File['content'];
  const readFor = await until(async () => {
    const found = await api.get<{ items: File[] }>(`${files}?trueMediaType=application/pdf&limit=200`);
    content = found.items.find(({ vendorId }) => vendorId === `file:${id}`)?.content;
    return content?.sha256 !== undefined;
  }, begun);
  say(
    `Box: ${name} was uploaded by somebody; read after ${readFor} ms: ${content!.mediaType} and not ` +
      `${content!.declaredType}, SHA-256 ${content!.sha256!.slice(0, 16)}…`,
  );
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

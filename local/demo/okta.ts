import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '../api-client.ts';
import type { ProcessOwner } from '../processes.ts';
import { program } from '../stack.ts';
import { samplesFolder } from './samples.ts';
import { act, undo, type Scenario } from './scenario.ts';

/** The Okta simulator as a process of its own, filled, and the scenario that connects it. */
export async function startOkta(
  owner: ProcessOwner,
  logFolder: string,
  say: (line: string) => void,
): Promise<Scenario> {
  const token = `00${randomBytes(20).toString('hex')}`;
  const samples = join(samplesFolder(), 'okta-system-log.json');
  const known = existsSync(samples);
  if (!known) say(`no sample events of others at ${samples}: the System Log holds made-up ones only`);
  const simulator = await owner.start({
    name: 'the Okta simulator',
    ...program(
      'simulators/okta/server.ts',
      ...['--users', '500', '--groups', '40', '--events', '3000', '--token', token, '--http-hooks'],
      // An org whose limits are far above the default, so that nobody waits for a minute to see it work.
      ...['--knobs', JSON.stringify({ tier: 'workforce', share: 100, limitFactor: 20 })],
      ...(known ? ['--samples', samples] : []),
    ),
    logFile: join(logFolder, 'okta.log'),
    ready: { line: /^\{"ready":true,"url":"([^"]+)".*\}$/m },
  });
  const url = simulator.match![1]!;
  say(`Okta simulator: ${describe(JSON.parse(simulator.match![0]) as { filled: Record<string, number> })}`);
  return {
    title: 'Okta',
    body: {
      app: 'okta',
      name: 'Acme Okta (simulated)',
      settings: { domain: 'acme.okta.com', baseUrl: url },
      credential: { type: 'ssws', token },
      governance: 'on',
    },
    govern,
  };
}

const describe = ({ filled }: { filled: Record<string, number> }): string =>
  Object.entries(filled)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');

interface Account {
  vendorId: string;
  login: string;
  status: string;
}

const govern: Scenario['govern'] = async (api: Api, connection, say) => {
  const path = `/v1/connections/${connection.id}/accounts`;
  const privileged = new Set(
    (
      await api.get<{ items: { holderId: string }[] }>(`/v1/connections/${connection.id}/privileges?limit=200`)
    ).items.map(({ holderId }) => holderId),
  );
  const { items } = await api.get<{ items: Account[] }>(`${path}?status=active&limit=100`);
  const target = items.find(({ vendorId }) => !privileged.has(vendorId));
  if (!target) throw new Error('the simulated org has no active account without a privilege');
  const accountId = target.vendorId;

  say(`Okta: suspending ${target.login}`);
  const suspended = await act(api, connection.id, 'suspendUser', { accountId }, 'demo: a suspicious log-on');
  const seen = `status ${String(suspended.before?.['status'])} → ${String(suspended.after?.['status'])}`;
  if (suspended.state !== 'done') {
    return [{ action: 'suspendUser', state: suspended.state, verified: false, proof: suspended.problem?.what ?? '' }];
  }
  say(`Okta: read back, ${seen}; undoing`);
  const undone = await undo(api, suspended.id, 'demo: it was the user after all');
  return [
    {
      action: 'suspendUser',
      state: suspended.state,
      verified: suspended.verified === true,
      proof: `${target.login}: ${seen}`,
    },
    {
      action: 'suspendUser (undo)',
      state: undone.state,
      verified: undone.undo?.verified === true,
      proof: undone.problem?.what ?? `${target.login}: read back as it was`,
    },
  ];
};

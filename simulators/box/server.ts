import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createBoxSimulator } from './simulator.ts';

const USAGE = `usage: tsx simulators/box/server.ts [--port 0] [--seed 1] [--enterprise Acme] [--client-id ID] [--client-secret SECRET]
  [--control TOKEN] [--users 50 --groups 10 --items 1000 --events 500] [--samples events.json]
  [--knobs '{"requestsPerWindow":1000}'] [--http-hooks] [--empty]
Each option may also be given as BOX_SIMULATOR_<NAME>, with _ for -.`;

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    seed: { type: 'string' },
    enterprise: { type: 'string' },
    'client-id': { type: 'string' },
    'client-secret': { type: 'string' },
    control: { type: 'string' },
    users: { type: 'string' },
    groups: { type: 'string' },
    items: { type: 'string' },
    events: { type: 'string' },
    samples: { type: 'string' },
    knobs: { type: 'string' },
    'http-hooks': { type: 'boolean' },
    empty: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

const read = (name: Exclude<keyof typeof values, 'http-hooks' | 'empty' | 'help'>): string | undefined =>
  values[name] ?? process.env[`BOX_SIMULATOR_${name.toUpperCase().replaceAll('-', '_')}`];
const number = (name: 'port' | 'seed' | 'users' | 'groups' | 'items' | 'events'): number | undefined => {
  const text = read(name);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`--${name} must be a whole number, got ${text}`);
  return Number(text);
};

async function main(): Promise<void> {
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const samples = read('samples');
  const knobs = read('knobs');
  const simulator = await createBoxSimulator({
    port: number('port'),
    seed: number('seed'),
    enterprise: read('enterprise'),
    clientId: read('client-id'),
    clientSecret: read('client-secret'),
    controlToken: read('control'),
    allowHttpHooks: values['http-hooks'] ?? process.env.BOX_SIMULATOR_HTTP_HOOKS === 'true',
    ...(knobs === undefined ? {} : { knobs: JSON.parse(knobs) }),
    ...(values.empty
      ? {}
      : {
          fill: {
            users: number('users'),
            groups: number('groups'),
            items: number('items'),
            events: number('events'),
            ...(samples === undefined ? {} : { sampleEvents: JSON.parse(readFileSync(samples, 'utf8')) }),
          },
        }),
  });
  const stop = () => {
    simulator.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const { url, uploadUrl, downloadUrl, port, enterpriseId, clientId, clientSecret } = simulator;
  // One line of JSON: whoever started the process waits for it.
  console.log(
    JSON.stringify({
      ready: true,
      url,
      uploadUrl,
      downloadUrl,
      port,
      enterpriseId,
      clientId,
      clientSecret,
      filled: simulator.control.measure(),
    }),
  );
}

main().catch((error: unknown) => {
  console.error(`Box simulator: ${(error as Error).message}`);
  process.exit(1);
});

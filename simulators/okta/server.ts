import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createOktaSimulator } from './simulator.ts';

const USAGE = `usage: tsx simulators/okta/server.ts [--port 0] [--seed 1] [--subdomain acme] [--token SSWS] [--control TOKEN]
  [--users 500 --groups 40 --events 3000] [--samples events.json] [--knobs '{"tier":"workforce"}'] [--http-hooks] [--empty]
Each option may also be given as OKTA_SIMULATOR_<NAME>.`;

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    seed: { type: 'string' },
    subdomain: { type: 'string' },
    token: { type: 'string' },
    control: { type: 'string' },
    users: { type: 'string' },
    groups: { type: 'string' },
    events: { type: 'string' },
    samples: { type: 'string' },
    knobs: { type: 'string' },
    'http-hooks': { type: 'boolean' },
    empty: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

const read = (name: Exclude<keyof typeof values, 'http-hooks' | 'empty' | 'help'>): string | undefined =>
  values[name] ?? process.env[`OKTA_SIMULATOR_${name.toUpperCase()}`];
const number = (name: 'port' | 'seed' | 'users' | 'groups' | 'events'): number | undefined => {
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
  const simulator = await createOktaSimulator({
    port: number('port'),
    seed: number('seed'),
    subdomain: read('subdomain'),
    token: read('token'),
    controlToken: read('control'),
    allowHttpHooks: values['http-hooks'] ?? process.env.OKTA_SIMULATOR_HTTP_HOOKS === 'true',
    ...(knobs === undefined ? {} : { knobs: JSON.parse(knobs) }),
    ...(values.empty
      ? {}
      : {
          fill: {
            users: number('users'),
            groups: number('groups'),
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
  // One line of JSON: whoever started the process waits for it.
  console.log(
    JSON.stringify({ ready: true, url: simulator.url, port: simulator.port, filled: simulator.control.measure() }),
  );
}

main().catch((error: unknown) => {
  console.error(`Okta simulator: ${(error as Error).message}`);
  process.exit(1);
});

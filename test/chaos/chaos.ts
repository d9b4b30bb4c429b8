import { parseArgs } from 'node:util';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';
import type { App } from './subject.ts';
import { wordFor } from './verdict.ts';

const usage = `npm run chaos -- [--seed N] [--rounds N | --minutes N] [--from ROUND] [--only kind,kind] [--app okta|box|both]
             [--scale 0.1] [--per-place 4] [--go-on] [--json]

Real processes and servers of its own, with a proxy between any two; faults strike while scans, changes and actions go on.
When they end, every record must be the vendor's and an undisturbed run's, every action done as often as it may be.

  --seed     decides every choice; the same seed makes the same again. Default: the time of day, told in the first line
  --rounds   how many; without it and --minutes, until every kind has struck once
  --minutes  goes on for so long; at true times (--scale 1) unless told
  --from     begins with this round of the seed's
  --only     these kinds: ${kinds.map(({ kind }) => kind).join(', ')}
  --app      whose connection: okta (default), box, or both at once, each fault at one of them
  --scale    all waits of ours times this. Default 0.1
  --roll-at  events of a run at which Temporal says "roll over"; 0 leaves it to Temporal. Default 300
  --per-place  kinds of one place (worker, vendor, ...) in a round at most. Default 4
  --go-on    does not end at the first round that falls short
  --json     the only line on standard output is { name, figure, limit, unit, holds, details }; progress goes to
             standard error

Ends with 0 when all holds, 1 when something falls short, 2 when called wrongly.
`;

const appsOf: Record<string, readonly App[]> = { okta: ['okta'], box: ['box'], both: ['okta', 'box'] };

class WrongCall extends Error {}

function read() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      rounds: { type: 'string' },
      minutes: { type: 'string' },
      from: { type: 'string' },
      only: { type: 'string' },
      app: { type: 'string', default: 'okta' },
      scale: { type: 'string' },
      'roll-at': { type: 'string' },
      'per-place': { type: 'string' },
      'go-on': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const number = (name: 'seed' | 'rounds' | 'minutes' | 'from' | 'scale' | 'roll-at' | 'per-place', least: number) => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() === '' || !(value >= least)) throw new WrongCall(`--${name} wants a number from ${least}`);
    return value;
  };
  const names = values.only?.split(',').map((name) => name.trim());
  const unknown = names?.filter((name) => !kinds.some(({ kind }) => kind === name)) ?? [];
  if (unknown.length > 0) throw new WrongCall(`--only knows no ${unknown.join(', ')}`);
  const apps = appsOf[values.app];
  if (!apps) throw new WrongCall(`--app is one of ${Object.keys(appsOf).join(', ')}`);
  const minutes = number('minutes', 0.1);
  const rounds = number('rounds', 1);
  if (minutes !== undefined && rounds !== undefined) throw new WrongCall('--rounds or --minutes, not both');
  const scale = number('scale', 0.01) ?? (minutes === undefined ? 0.1 : 1);
  if (scale > 1) throw new WrongCall('--scale wants a number up to 1');
  return {
    help: values.help,
    json: values.json,
    options: {
      apps,
      kinds: names ? kinds.filter(({ kind }) => names.includes(kind)) : kinds,
      seed: Math.floor(number('seed', 0) ?? Date.now() % 1_000_000),
      scale,
      rounds,
      minutes,
      from: number('from', 1),
      perPlace: number('per-place', 1),
      goOn: values['go-on'],
      rollAt: (number('roll-at', 0) ?? 300) || undefined,
    },
  };
}

async function main(): Promise<void> {
  let asked;
  try {
    asked = read();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (asked.help) return void process.stdout.write(usage);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const progress = asked.json ? (line: string) => process.stderr.write(`${line}\n`) : say;
  const measured = await runChaos({ ...asked.options, say: progress });
  say(asked.json ? JSON.stringify(measured) : summary(measured));
  process.exitCode = measured.holds ? 0 : 1;
}

const summary = (measured: Awaited<ReturnType<typeof runChaos>>): string => {
  const { figure, limit, unit, details } = measured;
  return `${wordFor(measured)}: ${figure} ${unit} (held against ${limit})  ${JSON.stringify(details)}`;
};

await main();

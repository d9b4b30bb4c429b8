import { parseArgs } from 'node:util';
import { coverage } from './coverage.ts';
import { files, filesLimits } from './files.ts';
import { governance } from './governance.ts';
import { growth } from './growth.ts';
import { idle } from './idle.ts';
import type { BenchOptions, Measured } from './measured.ts';
import { pacing, pacingHalved, pacingOthers, pacingShared } from './pacing.ts';
import { push } from './push.ts';
import { throughput } from './throughput.ts';

/** Each measures on servers of its own and counts what the simulator counted, not what we believe. */
const benches: Record<string, (options: BenchOptions) => Promise<Measured[]>> = {
  pacing,
  'pacing-shared': pacingShared,
  'pacing-halved': pacingHalved,
  'pacing-others': pacingOthers,
  throughput,
  growth,
  governance,
  push,
  idle,
  files,
  'files-limits': filesLimits,
  coverage,
};

const usage = `npm run bench -- [--only NAME,NAME] [--size N] [--json]

Measures, on this machine, what design and README promise. NAME is one of: ${Object.keys(benches).join(', ')}.
--size is how many connections idle has (2000 unless told), and how many records, items or rows growth, files and
coverage go up to (a million). With --json the last line is one JSON array of { name, figure, limit, unit, holds, details }.
What is being measured is told on standard error. Ends with 0 when every figure holds, 1 when one falls short or could not
be measured, 2 when called wrongly.
`;

const read = () =>
  parseArgs({
    options: {
      only: { type: 'string' },
      size: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values;

function calledWrongly(why: string): void {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  let values;
  try {
    values = read();
  } catch (error) {
    return calledWrongly((error as Error).message);
  }
  if (values.help) return void process.stdout.write(usage);
  const only = values.only?.split(',') ?? Object.keys(benches);
  const unknown = only.filter((name) => !(name in benches));
  if (unknown.length > 0) {
    return calledWrongly(`--only wants one or more of ${Object.keys(benches).join(', ')}, not ${unknown.join(', ')}`);
  }
  const size = values.size === undefined ? undefined : Number(values.size);
  if (size !== undefined && !(Number.isSafeInteger(size) && size > 0)) {
    return calledWrongly(`--size wants a whole number above 0, not ${values.size}`);
  }
  const measured: Measured[] = [];
  for (const [name, run] of Object.entries(benches)) {
    if (!only.includes(name)) continue;
    process.stderr.write(`measuring ${name}\n`);
    for (const one of await run({ size }).catch((error: unknown) => [notMeasured(name, error)])) {
      measured.push(one);
      if (!values.json) process.stdout.write(`${line(one)}\n`);
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify(measured)}\n`);
  process.exitCode = measured.every(({ holds }) => holds) ? 0 : 1;
}

/** One that breaks off takes no figure of the others with it. */
const notMeasured = (name: string, error: unknown): Measured => ({
  name,
  figure: Number.NaN,
  limit: Number.NaN,
  unit: 'not measured',
  holds: false,
  details: { error: String(error) },
});

const line = ({ name, figure, limit, unit, holds, details }: Measured): string =>
  `${holds ? 'holds      ' : 'FALLS SHORT'} ${name.padEnd(28)} ${figure} ${unit} (held against ${limit})  ${JSON.stringify(details)}`;

await main();

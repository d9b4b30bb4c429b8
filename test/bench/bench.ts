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
Ends with 0 when every figure holds, 1 when one falls short, 2 when called wrongly.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      size: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const only = values.only?.split(',') ?? Object.keys(benches);
  const unknown = only.filter((name) => !(name in benches));
  if (unknown.length > 0) {
    const names = Object.keys(benches).join(', ');
    process.stderr.write(`--only wants one or more of ${names}, not ${unknown.join(', ')}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const size = values.size === undefined ? undefined : Number(values.size);
  if (size !== undefined && !(Number.isSafeInteger(size) && size > 0)) {
    process.stderr.write(`--size wants a whole number above 0, not ${values.size}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const measured: Measured[] = [];
  for (const [name, run] of Object.entries(benches)) {
    if (!only.includes(name)) continue;
    for (const one of await run({ size })) {
      measured.push(one);
      if (!values.json) process.stdout.write(`${line(one)}\n`);
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify(measured)}\n`);
  process.exitCode = measured.every(({ holds }) => holds) ? 0 : 1;
}

const line = ({ name, figure, limit, unit, holds, details }: Measured): string =>
  `${holds ? 'holds      ' : 'FALLS SHORT'} ${name.padEnd(28)} ${figure} ${unit} (held against ${limit})  ${JSON.stringify(details)}`;

await main();

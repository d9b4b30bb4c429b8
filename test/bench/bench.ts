import { parseArgs } from 'node:util';
import { files } from './files.ts';
import { governance } from './governance.ts';
import { idle } from './idle.ts';
import type { BenchOptions, Measured } from './measured.ts';
import { push } from './push.ts';
import { throughput } from './throughput.ts';

/** Each measures on servers of its own and counts what the simulator counted, not what we believe. */
const benches: Record<string, (options: BenchOptions) => Promise<Measured[]>> = {
  throughput,
  governance,
  push,
  idle,
  files,
};

const usage = `npm run bench -- [--only NAME] [--connections N] [--items N] [--json]

Measures, on this machine, what design and README promise. NAME is one of: ${Object.keys(benches).join(', ')}.
--connections is for idle, 2000 unless told; --items for files, a million unless told. With --json the last line is one JSON array of { name, figure, limit, unit, holds, details }.
Ends with 0 when every figure holds, 1 when one falls short, 2 when called wrongly.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      connections: { type: 'string', default: '2000' },
      items: { type: 'string', default: '1000000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  if (values.only !== undefined && !(values.only in benches)) {
    process.stderr.write(`--only wants one of ${Object.keys(benches).join(', ')}, not ${values.only}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const measured: Measured[] = [];
  for (const [name, run] of Object.entries(benches)) {
    if (values.only !== undefined && values.only !== name) continue;
    for (const one of await run({ connections: Number(values.connections), items: Number(values.items) })) {
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

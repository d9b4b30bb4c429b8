import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** What every simulator may be told when it is started as a process. */
export interface Told {
  port: number | undefined;
  seed: number | undefined;
  controlToken: string | undefined;
  allowHttpHooks: boolean;
  knobs?: object;
  /** Absent: begin empty. */
  fill?: Record<string, number | undefined> & { sampleEvents?: Record<string, unknown>[] };
}

interface Served<T extends string> {
  app: string;
  /** `--client-id` and such: what they are for the usage, by name. */
  texts: Record<T, string>;
  /** How much to fill in, with the standard amounts. */
  amounts: Record<string, number>;
  /** An example of `--knobs`. */
  knobs: string;
  create: (told: Told, texts: Partial<Record<T, string>>) => Promise<Running>;
}

interface Running {
  /** Of the line that says that it runs: at least `url`. */
  ready: { url: string; [name: string]: unknown };
  close: () => Promise<void>;
}

/** Runs a simulator as a process of its own until SIGTERM or SIGINT. Its one line of JSON on stdout says that it is there. */
export function serve<T extends string>(served: Served<T>): void {
  main(served).catch((error: unknown) => {
    console.error(`${served.app} simulator: ${(error as Error).message}`);
    process.exit(1);
  });
}

async function main<T extends string>({ app, texts, amounts, knobs, create }: Served<T>): Promise<void> {
  const prefix = `${app.toUpperCase()}_SIMULATOR_`;
  const named = ['port', 'seed', 'control', 'samples', 'knobs', ...Object.keys(texts), ...Object.keys(amounts)];
  const { values: parsed } = parseArgs({
    options: {
      ...Object.fromEntries(named.map((name) => [name, { type: 'string' as const }])),
      'http-hooks': { type: 'boolean' },
      empty: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const values: Record<string, string | boolean | undefined> = parsed;
  if (values.help) {
    const own = Object.entries(texts).map(([name, is]) => ` [--${name} ${String(is)}]`);
    const fill = Object.entries(amounts).map(([name, amount]) => `--${name} ${amount}`);
    console.log(`usage: tsx simulators/${app.toLowerCase()}/server.ts [--port 0] [--seed 1] [--control TOKEN]${own.join('')}
  [${fill.join(' ')}] [--samples events.json] [--knobs '${knobs}'] [--http-hooks] [--empty]
Each option may also be given as ${prefix}<NAME>, with _ for -.`);
    return;
  }
  const variable = (name: string) => process.env[prefix + name.toUpperCase().replaceAll('-', '_')];
  const read = (name: string): string | undefined => (values[name] as string | undefined) ?? variable(name);
  const number = (name: string): number | undefined => {
    const text = read(name);
    if (text !== undefined && !/^\d+$/.test(text)) throw new Error(`--${name} must be a whole number, got ${text}`);
    return text === undefined ? undefined : Number(text);
  };
  const [samples, turned] = [read('samples'), read('knobs')];
  const told: Told = {
    port: number('port'),
    seed: number('seed'),
    controlToken: read('control'),
    allowHttpHooks: Boolean(values['http-hooks']) || variable('http-hooks') === 'true',
    ...(turned === undefined ? {} : { knobs: JSON.parse(turned) as object }),
  };
  if (!values.empty) {
    const fill = Object.fromEntries(Object.keys(amounts).map((name) => [name, number(name)]));
    told.fill = samples === undefined ? fill : { ...fill, sampleEvents: JSON.parse(readFileSync(samples, 'utf8')) };
  }
  const given = Object.fromEntries(Object.keys(texts).map((name) => [name, read(name)]));
  const { ready, close } = await create(told, given as Partial<Record<T, string>>);
  const stop = (): void => {
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // Whoever started the process waits for this line.
  console.log(JSON.stringify({ ready: true, ...ready }));
}

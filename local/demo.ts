import { parseArgs } from 'node:util';
import { connectApi } from './api-client.ts';
import { startAws } from './demo/aws.ts';
import { startBox } from './demo/box.ts';
import { startOkta } from './demo/okta.ts';
import { createProgress } from './demo/progress.ts';
import { reportOf, table, type Outcome } from './demo/report.ts';
import { connectAndScan, type Scenario, type Summary } from './demo/scenario.ts';
import { ProcessOwner, StartFailure } from './processes.ts';
import { newLogFolder } from './servers/cache-folder.ts';
import { startStack } from './stack.ts';

const usage = `npm run demo -- [--keep] [--json] [--only okta|box|aws]

Starts Temporal with its UI, MongoDB, the worker, the API and stand-ins for Okta, Box and AWS on this machine, connects them,
shows the first scan, and takes governance actions that are verified and undone.

  --keep   stays up until Ctrl-C, to look around in the API and the Temporal UI
  --json   prints one JSON document at the end and nothing else on standard output
  --only   connects one app
  --help   prints this

Ends with 0 when everything was done and verified, 1 when not, 2 when called wrongly.
`;

function read() {
  try {
    const { values } = parseArgs({
      options: {
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.only !== undefined && !['okta', 'box', 'aws'].includes(values.only)) {
      throw new Error(`--only wants okta, box or aws, not ${values.only}`);
    }
    return values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function main(options: ReturnType<typeof read>): Promise<void> {
  const begun = performance.now();
  const logFolder = newLogFolder();
  const progress = createProgress(process.stdout, options.json);
  let scenarios: Scenario[] = [];
  const owner = new ProcessOwner({ announce: (line) => process.stderr.write(`${line}\n`) });
  try {
    const wants = (app: string) => options.only === undefined || options.only === app;
    const [stack, ...found] = await Promise.all([
      startStack(owner, { logFolder, told: progress.say }),
      wants('okta') ? startOkta(owner, logFolder, progress.say) : undefined,
      wants('box') ? startBox(owner, logFolder, progress.say) : undefined,
      wants('aws') ? startAws(owner, logFolder, progress.say) : undefined,
    ]);
    scenarios = found.filter((scenario): scenario is Scenario => scenario !== undefined);
    if (scenarios.length === 0) throw new Error('no app is left to connect: see above why, or leave out --only');
    const api = connectApi(stack.apiUrl, stack.apiKey);
    const connections = await connectAndScan(api, scenarios, progress);
    progress.end();

    const outcomes: Outcome[] = [];
    for (const [i, scenario] of scenarios.entries()) {
      const governed = await scenario.govern(api, connections[i]!, progress.say);
      const { id } = connections[i]!;
      const [summary, connection] = await Promise.all([
        api.get<Summary>(`/v1/connections/${id}/summary`),
        api.get<Outcome['connection']>(`/v1/connections/${id}`),
      ]);
      outcomes.push({ connection, summary, governed });
    }
    const { temporal, mongodb } = stack;
    const servers = {
      temporal: { version: temporal.version, source: temporal.source },
      mongodb: { version: mongodb.version, source: mongodb.source },
    };
    const report = reportOf((performance.now() - begun) / 1000, servers, outcomes);
    const verified = outcomes.every(({ governed }) => governed.length > 0 && governed.every((one) => one.verified));

    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else {
      progress.say(`\n${table(outcomes)}\n`);
      progress.say(`Temporal UI  ${temporal.uiUrl ?? '(that of the server at TEMPORAL_ADDRESS)'}`);
      progress.say(`API          ${stack.apiUrl}${options.keep ? `   Authorization: Bearer ${stack.apiKey}` : ''}`);
      progress.say(`logs         ${logFolder}`);
      progress.say(`${report.seconds} s${verified ? '' : '; not everything was verified'}`);
    }
    if (options.keep) {
      if (!options.json) progress.say('\nStays up until Ctrl-C.');
      await new Promise(() => setInterval(() => {}, 60_000));
    }
    process.exitCode = verified ? 0 : 1;
  } catch (error) {
    if (owner.stopping) return;
    const what = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\nThe demo failed: ${what}\n`);
    if (!(error instanceof StartFailure))
      process.stderr.write(`  Logs: ${logFolder}\n  Try: npm run demo -- --keep, and look into the logs\n`);
    process.exitCode = 1;
  } finally {
    if (!owner.stopping) {
      for (const { close } of scenarios) await close?.();
      await owner.stop();
    }
  }
}

const options = read();
// Node 20 is what this project supports until the SDK's versions are raised; the notice would stand in every output.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
if (options.help) process.stdout.write(usage);
else await main(options);

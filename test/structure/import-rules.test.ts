import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const RULES = (require(join(project, '.dependency-cruiser.cjs')) as { forbidden: { name: string }[] }).forbidden.map(
  ({ name }) => name,
);

/** What the planted trees stand on: a file of each folder, each allowed to be there. */
const GROUND = {
  'connectors/connector.ts': 'export interface Connector { id: string }\n',
  'connectors/index.ts': "import { okta } from './okta/index.ts';\nexport const connectors = [okta];\n",
  'connectors/kit/page.ts':
    "import type { Connector } from '../connector.ts';\nexport const page = (connector: Connector) => connector.id;\n",
  'connectors/okta/index.ts':
    "import { page } from '../kit/page.ts';\nexport const okta = { id: page({ id: 'okta' }) };\n",
  'connectors/okta/index.test.ts': "import { simulator } from '../../simulators/okta/server.ts';\nsimulator();\n",
  'connectors/box/index.ts': "export const box = { id: 'box' };\n",
  'workflows/messages.ts': "export const wake = 'wake';\n",
  'workflows/connection.ts':
    "import { proxyActivities } from '@temporalio/workflow';\nimport type { Connector } from '../connectors/connector.ts';\nimport { wake } from './messages.ts';\nexport const connection = (connector: Connector) => [proxyActivities, wake, connector];\n",
  'activities/chunk.ts':
    "import { open } from '../store/open.ts';\nimport { connectors } from '../connectors/index.ts';\nexport const chunk = () => [open, connectors];\n",
  'store/open.ts': "import { MongoClient } from 'mongodb';\nexport const open = () => new MongoClient();\n",
  'api/app.ts':
    "import { wake } from '../workflows/messages.ts';\nimport { open } from '../store/open.ts';\nimport { connectors } from '../connectors/index.ts';\nexport const app = () => [wake, open, connectors];\n",
  'simulators/okta/server.ts':
    "import { createServer } from 'node:http';\nexport const simulator = () => createServer();\n",
  'local/demo.ts':
    "import { simulator } from '../simulators/okta/server.ts';\nexport const demo = () => simulator();\n",
  'test/support/clock.ts': 'export const clock = () => 0;\n',
};

/** One file that breaks one rule; its path shows who does what. */
const PLANTED: { rule: string; path: string; text: string }[] = [
  { rule: 'no-cycles', path: 'store/egg.ts', text: "import { hen } from './hen.ts';\nexport const egg = () => hen;\n" },
  {
    rule: 'workflows-are-pure',
    path: 'workflows/reads-store.ts',
    text: "import { open } from '../store/open.ts';\nopen();\n",
  },
  {
    rule: 'workflows-are-pure',
    path: 'workflows/calls-worker.ts',
    text: "import { Worker } from '@temporalio/worker';\nnew Worker();\n",
  },
  {
    rule: 'workflows-without-node',
    path: 'workflows/takes-buffer.ts',
    text: "import type { Buffer } from 'node:buffer';\nexport type A = Buffer;\n",
  },
  {
    rule: 'connectors-look-not-up',
    path: 'connectors/box/stores.ts',
    text: "import { open } from '../../store/open.ts';\nopen();\n",
  },
  {
    rule: 'connectors-look-not-up',
    path: 'connectors/box/workflow.ts',
    text: "import { sleep } from '@temporalio/workflow';\nsleep();\n",
  },
  {
    rule: 'connectors-stay-apart',
    path: 'connectors/box/copies.ts',
    text: "import { okta } from '../okta/index.ts';\nexport const a = okta;\n",
  },
  {
    rule: 'kit-knows-no-app',
    path: 'connectors/kit/knows.ts',
    text: "import { box } from '../box/index.ts';\nexport const a = box;\n",
  },
  {
    rule: 'activities-without-api',
    path: 'activities/serves.ts',
    text: "import { app } from '../api/app.ts';\napp();\n",
  },
  {
    rule: 'mongodb-in-store-only',
    path: 'api/queries.ts',
    text: "import { MongoClient } from 'mongodb';\nnew MongoClient();\n",
  },
  {
    rule: 'mongodb-in-store-only',
    path: 'api/types-driver.ts',
    text: "import type { MongoClient } from 'mongodb';\nexport type A = MongoClient;\n",
  },
  {
    rule: 'api-by-three-doors',
    path: 'api/works.ts',
    text: "import { connection } from '../workflows/connection.ts';\nconnection({ id: '' });\n",
  },
  {
    rule: 'api-by-three-doors',
    path: 'api/asks-okta.ts',
    text: "import { okta } from '../connectors/okta/index.ts';\nexport const a = okta;\n",
  },
  {
    rule: 'production-without-test',
    path: 'store/simulates.ts',
    text: "import { simulator } from '../simulators/okta/server.ts';\nsimulator();\n",
  },
  {
    rule: 'production-without-test',
    path: 'api/demonstrates.ts',
    text: "import { demo } from '../local/demo.ts';\ndemo();\n",
  },
  {
    rule: 'production-without-test',
    path: 'activities/tests.ts',
    text: "import { clock } from '../test/support/clock.ts';\nclock();\n",
  },
  { rule: 'production-without-dev-packages', path: 'store/develops.ts', text: "import { it } from 'vitest';\nit();\n" },
  {
    rule: 'simulators-import-nothing-of-ours',
    path: 'simulators/okta/peeks.ts',
    text: "import { page } from '../../connectors/kit/page.ts';\npage({ id: '' });\n",
  },
  {
    rule: 'packages-are-declared',
    path: 'store/borrows.ts',
    text: "import { borrowed } from 'undeclared';\nborrowed();\n",
  },
  { rule: 'imports-resolve', path: 'store/dangles.ts', text: "import { gone } from './gone.ts';\ngone();\n" },
];
/** The other half of the cycle, which is reported once. */
const HEN = { path: 'store/hen.ts', text: "import { egg } from './egg.ts';\nexport const hen = () => egg;\n" };

interface Violation {
  from: string;
  rule: { name: string };
}

let tree: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

async function violations(): Promise<Violation[]> {
  const program = join(project, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const folders = ['api', 'activities', 'connectors', 'local', 'simulators', 'store', 'test', 'workflows'];
  const args = [program, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders];
  // Its exit code is the number of violations.
  const stdout = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: tree, maxBuffer: 16_000_000 }, (_error, text) => resolve(text));
  });
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'castellan-imports-'));
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json']) copyFileSync(join(project, name), join(tree, name));
  const dependencies = { mongodb: '1.0.0', '@temporalio/workflow': '1.0.0', '@temporalio/worker': '1.0.0' };
  write('package.json', JSON.stringify({ type: 'module', dependencies, devDependencies: { vitest: '1.0.0' } }));
  for (const name of [...Object.keys(dependencies), 'vitest', 'undeclared']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, 'module.exports = {};\n');
  }
  for (const [path, text] of Object.entries(GROUND)) write(path, text);
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

describe('the import rules', () => {
  it('have nothing against what is allowed', async () => {
    expect(await violations()).toEqual([]);
  }, 30_000);

  it('find each planted violation, each by its own rule', async () => {
    for (const { path, text } of [...PLANTED, HEN]) write(path, text);
    const found = await violations();
    const rulesFor = (path: string) => [
      ...new Set(found.filter(({ from }) => from === path).map(({ rule }) => rule.name)),
    ];
    for (const { path, rule } of PLANTED) expect(rulesFor(path), path).toContain(rule);
    const planted = new Set([...PLANTED, HEN].map(({ path }) => path));
    expect(found.filter(({ from }) => !planted.has(from))).toEqual([]);
  }, 30_000);

  it('are all proved here', () => {
    expect(RULES.filter((name) => !PLANTED.some(({ rule }) => rule === name))).toEqual([]);
  });
});

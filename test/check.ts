/** `npm run check`: everything that can be said about the code without running it. Ends with 1 when anything is wrong. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectFiles } from './structure/project-files.ts';
import { structureProblems } from './structure/structure-rules.ts';

interface Result {
  ok: boolean;
  output: string;
}

interface Check {
  title: string;
  run(): Promise<Result>;
}

const project = fileURLToPath(new URL('..', import.meta.url));
const folders = ['api', 'activities', 'connectors', 'local', 'simulators', 'store', 'test', 'workflows'];

const checks: Check[] = [
  { title: 'types (tsc)', run: () => program('typescript', 'bin/tsc', ['--noEmit', '-p', '.']) },
  { title: 'lint (eslint)', run: () => program('eslint', 'bin/eslint.js', ['.', '--max-warnings', '0']) },
  {
    title: 'format (prettier)',
    run: () => program('prettier', 'bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
  },
  {
    title: 'import rules (dependency-cruiser)',
    run: () =>
      program('dependency-cruiser', 'bin/dependency-cruise.mjs', ['--config', '.dependency-cruiser.cjs', ...folders]),
  },
  { title: 'structure', run: structure },
];
if (existsSync(join(project, 'test/readme-table.ts'))) {
  checks.push({ title: 'README table', run: () => node(['--import', 'tsx', 'test/readme-table.ts', '--check']) });
}

const began = Date.now();
const failed: string[] = [];
const waiting = [...checks];
// Two at once: as many as the smallest machine that is supported has cores.
await Promise.all([work(), work()]);
const seconds = ((Date.now() - began) / 1000).toFixed(0);
console.log(
  failed.length === 0 ? `All checks passed in ${seconds} s.` : `Failed after ${seconds} s: ${failed.join(', ')}.`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let check = waiting.shift(); check; check = waiting.shift()) {
    const { ok, output } = await check.run();
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${check.title}`);
    if (ok) continue;
    failed.push(check.title);
    console.log(output.trimEnd().replace(/^/gm, '  '));
  }
}

async function structure(): Promise<Result> {
  const problems = structureProblems(await projectFiles(project));
  return { ok: problems.length === 0, output: problems.join('\n') };
}

/** Not through `npx`, which says things of its own and may go to the network. */
function program(name: string, file: string, args: string[]): Promise<Result> {
  return node([join(project, 'node_modules', name, file), ...args]);
}

async function node(args: string[]): Promise<Result> {
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { ok: code === 0, output };
}

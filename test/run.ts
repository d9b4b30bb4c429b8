/**
 * `npm test [-- vitest arguments]`: the checks, then all tests. The last line is the count. With arguments only the tests
 * they select, without the checks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countTests, countLine } from './support/test-count.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(project, 'node_modules/vitest/vitest.mjs');
const selected = process.argv.slice(2);

const checkCode = selected.length > 0 ? 0 : await run(['--import', 'tsx', 'test/check.ts']);
const work = mkdtempSync(join(tmpdir(), 'castellan-test-'));
try {
  const report = join(work, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const testCode = await run([vitest, 'run', ...reporters, ...selected]);
  const counts = countTests(existsSync(report) ? readFileSync(report, 'utf8') : undefined, testCode);
  if (checkCode !== 0) console.error('\nThe checks failed, see the top of this output (npm run check).');
  console.log(countLine(counts));
  process.exitCode = testCode || checkCode;
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function run(args: string[]): Promise<number> {
  const child = spawn(process.execPath, args, { cwd: project, stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    process.off('SIGINT', forward).off('SIGTERM', forward);
  }
}

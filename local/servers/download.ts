/**
 * `node --import tsx download.ts <kind> <folder>`: fetches a server with the download of the package that is made for it
 * and prints the path of the program. Ends quickly with the reason when the vendor's host cannot be reached.
 */
import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { MongoBinary } from 'mongodb-memory-server-core/lib/util/MongoBinary.js';
import { isExecutable } from '../find-on-path.ts';
import { MONGOD_DOWNLOAD_VERSION } from './mongod-program.ts';

const CONNECT_MS = 4_000;

const [kind, folder] = process.argv.slice(2);
if (!folder) throw new Error('usage: download.ts <temporal|temporal-test-server|mongod> <folder>');
mkdirSync(folder, { recursive: true });
try {
  console.log(await download(kind, folder));
  process.exit(0);
} catch (error) {
  console.error(`error: ${(error as Error).message.replace(/\s+/g, ' ')}`);
  process.exit(1);
}

async function download(what: string | undefined, into: string): Promise<string> {
  switch (what) {
    case 'temporal':
    case 'temporal-test-server': {
      await reach('https://temporal.download/');
      const executable = { type: 'cached-download', downloadDir: into } as const;
      const environment =
        what === 'temporal'
          ? await TestWorkflowEnvironment.createLocal({ server: { executable, ip: '127.0.0.1' } })
          : await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
      await environment.teardown();
      const files = (await readdir(into)).map((name) => join(into, name)).filter(isExecutable);
      if (files.length !== 1) throw new Error(`expected one program in the download, found ${files.length}`);
      return files[0]!;
    }
    case 'mongod': {
      await reach('https://fastdl.mongodb.org/');
      process.env['MONGOMS_MAX_RETRIES'] = '0';
      process.env['MONGOMS_PREFER_GLOBAL_PATH'] = 'false';
      return MongoBinary.getPath({ version: MONGOD_DOWNLOAD_VERSION, downloadDir: into });
    }
    default:
      throw new Error(`unknown download ${what}`);
  }
}

/** The downloads wait long for a host that swallows packets; this finds it out first. Node's fetch knows no proxy. */
async function reach(url: string): Promise<void> {
  if (process.env['HTTPS_PROXY'] ?? process.env['https_proxy']) return;
  try {
    await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(CONNECT_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    throw new Error(`${new URL(url).host} cannot be reached (${why})`, { cause: error });
  }
}

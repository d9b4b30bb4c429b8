import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient, MongoServerError } from 'mongodb';

export interface ServerFacts {
  version: string;
  /** The name of the replica set; transactions need one. */
  setName?: string;
  primary: boolean;
  /** The server's process id on its machine. */
  pid: number;
}

const ALREADY_INITIALIZED = 23;

/** Asks the server that `uri` names, and no other of its set. Throws when it does not answer within `withinMs`. */
export async function describeServer(uri: string, { withinMs = 5_000, direct = false } = {}): Promise<ServerFacts> {
  return withClient(uri, withinMs, direct, async (client) => {
    const admin = client.db('admin');
    const hello = await admin.command({ hello: 1 });
    const status = await admin.command({ serverStatus: 1, repl: 0, metrics: 0, locks: 0 }).catch(toleratingNoRight);
    const build = await admin.command({ buildInfo: 1 });
    return {
      version: String(build['version']),
      setName: hello['setName'] === undefined ? undefined : String(hello['setName']),
      primary: hello['isWritablePrimary'] === true,
      pid: Number(status?.['pid'] ?? 0),
    };
  });
}

/**
 * Makes a replica set of one out of a server that was started with `--replSet`, and waits until it takes writes.
 * Harmless when it is one already.
 * @param uri of the server itself, e.g. `mongodb://127.0.0.1:27017`
 * @param host under which the set names its member, e.g. `127.0.0.1:27017`
 */
export async function initiateReplicaSet(
  uri: string,
  { setName, host, withinMs = 20_000 }: { setName: string; host: string; withinMs?: number },
): Promise<void> {
  await withClient(uri, withinMs, true, async (client) => {
    const admin = client.db('admin');
    try {
      await admin.command({ replSetInitiate: { _id: setName, members: [{ _id: 0, host }] } });
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== ALREADY_INITIALIZED) throw error;
    }
    const deadline = Date.now() + withinMs;
    for (;;) {
      const hello = await admin.command({ hello: 1 });
      if (hello['isWritablePrimary'] === true) return;
      if (Date.now() > deadline)
        throw new Error(`MongoDB at ${host} did not become primary within ${withinMs / 1000} s`);
      await delay(50);
    }
  });
}

/** Removes a database with all in it: for tests, each of which has its own. */
export async function dropDatabase(uri: string, name: string): Promise<void> {
  await withClient(uri, 10_000, false, async (client) => void (await client.db(name).dropDatabase()));
}

async function withClient<T>(
  uri: string,
  withinMs: number,
  direct: boolean,
  use: (client: MongoClient) => Promise<T>,
): Promise<T> {
  const client = new MongoClient(uri, {
    serverSelectionTimeoutMS: withinMs,
    ...(direct ? { directConnection: true } : {}),
  });
  try {
    return await use(await client.connect());
  } finally {
    await client.close();
  }
}

/** `serverStatus` needs a right that an application's user may not have; the rest of the answer is open to all. */
function toleratingNoRight(error: unknown): undefined {
  const unauthorized = error instanceof MongoServerError && [13, 8000].includes(Number(error.code));
  if (!unauthorized) throw error;
  return undefined;
}

import { parseArgs } from 'node:util';
import { roles, type ApiKeyDocument, type Role } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import { rotateMasterKey, type MasterKeys } from './rotate-command.ts';

const help = `API keys of Castellan, and the key that wraps its secrets.

  npm run key -- create --name NAME --role ROLE [--connections ID,ID] [--expires 90d] [--json]
  npm run key -- list [--json]
  npm run key -- revoke KEY-ID
  npm run key -- rotate [--json]

ROLE is viewer (reads), operator (also connects, pauses, plans) or governor (also acts, erases).
--connections limits the key to these connections; --expires takes hours or days (12h, 90d).
The secret is shown once, by create, and stored nowhere.
rotate wraps all stored secrets with CASTELLAN_KEY, which may then be the only key. What opened them until now is given
as CASTELLAN_KEY_OLD (several with commas), to the running processes too. It may be broken off and called again.
Needs MONGODB_URI, and CASTELLAN_DATABASE where it is not "castellan".
Ends with 0 when done, 1 when it failed, 2 when it was called wrongly.
`;

class Usage extends Error {}

export interface KeyCommand {
  args: string[];
  /** Without keys nothing that is sealed can be touched. */
  openStore: (keys?: MasterKeys) => Promise<Store>;
  /** Of the environment; throws where they are none. */
  masterKeys: () => MasterKeys;
  out: (text: string) => void;
  err: (text: string) => void;
}

/** @returns the exit code: 0 done, 1 failed, 2 called wrongly */
export async function keyCommand(command: KeyCommand): Promise<number> {
  try {
    return await main(command);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    command.err(error instanceof Usage ? `${why}\nnpm run key -- --help says how it is called\n` : `${why}\n`);
    return error instanceof Usage ? 2 : 1;
  }
}

async function main({ args, openStore, masterKeys, out, err }: KeyCommand): Promise<number> {
  const { values, positionals } = parse(args);
  const [command, ...rest] = positionals;
  if (values.help || command === undefined || command === 'help') {
    out(help);
    return values.help || command === 'help' ? 0 : 2;
  }
  if (command === 'rotate') {
    if (rest.length > 0) throw new Usage(`rotate takes no ${rest[0]}`);
    const keys = masterKeys();
    return withStore(
      () => openStore(keys),
      async (store) => out(await rotateMasterKey(store, keys, values.json, err)),
    );
  }
  const run = commandOf(command, rest, values);
  return withStore(openStore, async (store) => out(await run(store)));
}

async function withStore(open: () => Promise<Store>, work: (store: Store) => Promise<void>): Promise<0> {
  const store = await open();
  try {
    await work(store);
    return 0;
  } finally {
    await store.close();
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        role: { type: 'string' },
        connections: { type: 'string' },
        expires: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error));
  }
}

type Values = ReturnType<typeof parse>['values'];

/** Checks everything that was typed before anything is opened. */
function commandOf(command: string, rest: string[], values: Values): (store: Store) => Promise<string> {
  if (command === 'revoke') {
    const [id, ...more] = rest;
    if (!id || more.length > 0 || !/^key_[a-z0-9]+$/.test(id)) throw new Usage('revoke wants one key id: key_…');
    return (store) => revoke(store, id);
  }
  if (rest.length > 0) throw new Usage(`${command} takes no ${rest[0]}`);
  if (command === 'list') return (store) => list(store, values.json);
  if (command !== 'create') throw new Usage(`there is no ${command}: create, list, revoke or rotate`);
  const name = values.name?.trim();
  if (!name || name.length > 200) throw new Usage('--name wants 1 to 200 characters: who or what uses the key');
  const role = roles.find((each) => each === values.role);
  if (!role) throw new Usage(`--role wants one of ${roles.join(', ')}`);
  const connectionIds = values.connections?.split(',').map((id) => id.trim());
  if (connectionIds?.some((id) => !/^con_[a-zA-Z0-9]+$/.test(id))) throw new Usage('--connections wants con_…,con_…');
  return (store) => create(store, { name, role, connectionIds, lifeMs: lifeOf(values.expires) }, values.json);
}

function lifeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^([1-9]\d{0,4})([hd])$/.exec(text) ?? [];
  if (!count) throw new Usage('--expires wants hours or days: 12h, 90d');
  return Number(count) * (unit === 'h' ? 3_600_000 : 86_400_000);
}

interface NewKey {
  name: string;
  role: Role;
  connectionIds?: string[];
  lifeMs?: number;
}

async function create(store: Store, { name, role, connectionIds, lifeMs }: NewKey, json: boolean): Promise<string> {
  for (const id of connectionIds ?? [])
    if (!(await store.connections.get(id))) throw new Error(`there is no connection ${id}`);
  const { key, secret } = await store.apiKeys.create({
    name,
    role,
    ...(connectionIds ? { connectionIds } : {}),
    ...(lifeMs ? { expiresAt: new Date(store.now().getTime() + lifeMs) } : {}),
  });
  if (json) return `${JSON.stringify({ ...shown(key, store), secret })}\n`;
  return `${key._id} (${role}) made for ${name}. Its secret, shown only now:\n${secret}\n`;
}

async function list(store: Store, json: boolean): Promise<string> {
  const keys = (await store.apiKeys.list()).map((key) => shown(key, store));
  if (json) return `${JSON.stringify(keys)}\n`;
  if (keys.length === 0) return 'there are no keys\n';
  const lines = keys.map(({ id, role, state, name, lastUsedAt, connectionIds }) => {
    const limits = connectionIds ? `  only ${connectionIds.join(',')}` : '';
    return `${id}  ${role.padEnd(8)}  ${state.padEnd(7)}  ${name}  last used ${lastUsedAt?.toISOString() ?? 'never'}${limits}\n`;
  });
  return lines.join('');
}

async function revoke(store: Store, id: string): Promise<string> {
  if (!(await store.apiKeys.revoke(id))) throw new Error(`${id} is not known`);
  return `${id} is revoked\n`;
}

/** Without the hash. */
function shown(key: ApiKeyDocument, store: Store) {
  const { _id, name, role, connectionIds, createdAt, expiresAt, lastUsedAt, revokedAt } = key;
  const state = revokedAt ? 'revoked' : expiresAt && expiresAt <= store.now() ? 'expired' : 'valid';
  return { id: _id, name, role, state, connectionIds, createdAt, expiresAt, lastUsedAt, revokedAt };
}

import { openStore } from '../store/open-store.ts';
import { parseMasterKey, parseOldKeys } from '../store/seal.ts';
import { keyCommand } from './key-command.ts';

const environment = (name: string): string => process.env[name] ?? '';

/** Names the variable, never what it holds. */
function read<T>(name: string, parse: (text: string) => T): T {
  try {
    return parse(environment(name));
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

process.exitCode = await keyCommand({
  args: process.argv.slice(2),
  openStore(keys) {
    const uri = environment('MONGODB_URI');
    if (!/^mongodb(\+srv)?:\/\//.test(uri))
      throw new Error('MONGODB_URI wants the mongodb:// address of a replica set');
    return openStore({ uri, database: environment('CASTELLAN_DATABASE') || 'castellan', key: null, ...keys });
  },
  masterKeys: () => ({
    key: read('CASTELLAN_KEY', parseMasterKey),
    oldKeys: read('CASTELLAN_KEY_OLD', parseOldKeys),
  }),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});

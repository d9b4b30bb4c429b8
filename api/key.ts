import { openStore } from '../store/open-store.ts';
import { keyCommand } from './key-command.ts';

process.exitCode = await keyCommand({
  args: process.argv.slice(2),
  openStore() {
    const uri = process.env['MONGODB_URI'] ?? '';
    if (!/^mongodb(\+srv)?:\/\//.test(uri))
      throw new Error('MONGODB_URI wants the mongodb:// address of a replica set');
    return openStore({ uri, database: process.env['CASTELLAN_DATABASE'] || 'castellan', key: null });
  },
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});

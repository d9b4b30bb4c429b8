import { randomBytes } from 'node:crypto';
import { afterAll, inject } from 'vitest';
import { dropDatabase } from '../../store/replica-set.ts';
import type {} from './provided.ts';

/**
 * A database of its own for a test file (or a `describe`), dropped after it. Only for projects that have MongoDB.
 * @returns `uri` names the server without a database; `name` is the database
 */
export function useDatabase(): { uri: string; name: string } {
  const database = { uri: inject('mongoUri'), name: `test-${randomBytes(6).toString('hex')}` };
  afterAll(() => dropDatabase(database.uri, database.name));
  return database;
}

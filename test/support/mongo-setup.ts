import type { TestProject } from 'vitest/node';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startMongo } from '../../local/servers/start-mongo.ts';
import { holdShared } from './shared-server.ts';
import type {} from './provided.ts';

/** Vitest global set-up: MongoDB for the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { server, release } = await holdShared('mongo', (owner) => startMongo(owner, { logFolder: newLogFolder() }));
  project.provide('mongoUri', server.uri);
  return release;
}

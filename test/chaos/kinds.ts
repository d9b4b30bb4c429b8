import { actionFaults } from './action-faults.ts';
import { apiFaults } from './api-faults.ts';
import { boxMoves } from './box-moves.ts';
import type { Fault } from './fault.ts';
import { mongodbFaults } from './mongodb-faults.ts';
import { networkFaults } from './network-faults.ts';
import { pushFaults } from './push-faults.ts';
import { temporalFaults } from './temporal-faults.ts';
import { vendorAnswers } from './vendor-answers.ts';
import { vendorCredentials } from './vendor-credentials.ts';
import { vendorPages } from './vendor-pages.ts';
import { workerFaults } from './worker-faults.ts';

/** Every kind of fault there is. */
export const kinds: readonly Fault[] = [
  ...workerFaults,
  ...actionFaults,
  ...apiFaults,
  ...mongodbFaults,
  ...temporalFaults,
  ...networkFaults,
  ...pushFaults,
  ...vendorAnswers,
  ...vendorPages,
  ...boxMoves,
  ...vendorCredentials,
];

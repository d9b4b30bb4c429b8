import { applyAction, checkAction, nextActions, prepareAction, undoAction } from './actions.ts';
import { authenticate, checkCredential } from './authenticate.ts';
import { contentChunk } from './content-chunk.ts';
import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { disconnect, erase } from './end-connection.ts';
import { beginScan, finishScan, readWishes, writeState } from './scans.ts';
import { sweepChunk } from './sweep-chunk.ts';
import { watchChunk } from './watch-chunk.ts';
import { watchQuietly } from './watch-quietly.ts';

export const createActivities = (deps: Dependencies): Activities => ({
  readWishes: readWishes(deps),
  authenticate: authenticate(deps),
  checkCredential: checkCredential(deps),
  beginScan: beginScan(deps),
  finishScan: finishScan(deps),
  sweepChunk: sweepChunk(deps),
  watchChunk: watchChunk(deps),
  watchQuietly: watchQuietly(watchChunk(deps)),
  contentChunk: contentChunk(deps),
  nextActions: nextActions(deps),
  prepareAction: prepareAction(deps),
  applyAction: applyAction(deps),
  checkAction: checkAction(deps),
  undoAction: undoAction(deps),
  disconnect: disconnect(deps),
  erase: erase(deps),
  writeState: writeState(deps),
});

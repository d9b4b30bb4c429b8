import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { findConnection, wishesOf } from './open-session.ts';

export const readWishes =
  (deps: Dependencies): Activities['readWishes'] =>
  async ({ connectionId }) =>
    wishesOf(await findConnection(deps, connectionId));

export const beginScan =
  ({ store }: Dependencies): Activities['beginScan'] =>
  ({ connectionId, scan }) =>
    store.scans.start(connectionId, scan);

export const finishScan =
  ({ store }: Dependencies): Activities['finishScan'] =>
  async ({ connectionId, scan, stages }) => {
    await store.scans.finish(connectionId, scan, stages);
    await store.connections.endAcceptance(connectionId);
  };

export const writeState =
  ({ store }: Dependencies): Activities['writeState'] =>
  ({ connectionId, state }) =>
    store.connections.writeState(connectionId, state);

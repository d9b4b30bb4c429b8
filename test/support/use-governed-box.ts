import { randomBytes } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll } from 'vitest';
import { createActivities } from '../../activities/activities.ts';
import { timesOf } from '../../activities/config.ts';
import type { Activities } from '../../activities/contract.ts';
import type { ActionStep, Delay, WatchResult } from '../../activities/results.ts';
import type { ActionName, ActionTarget } from '../../connectors/actions.ts';
import { box } from '../../connectors/box/index.ts';
import type { Connector } from '../../connectors/connector.ts';
import type { BoxSimulator } from '../../simulators/box/simulator.ts';
import type { ActionDocument } from '../../store/action-documents.ts';
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import { credentialOf, settingsOf, startEnterprise } from '../contract/box-enterprise.ts';
import { createOpenGovernor } from './open-governor.ts';
import { useDatabase } from './use-database.ts';

export interface GovernedBox {
  simulator: BoxSimulator;
  /** Whose files they are. */
  owner: string;
  store: Store;
  db: Db;
  connectionId: string;
  activities: Activities;
  /** Those of a worker that has this connector in the place of Box's. */
  activitiesOf(connector: Connector, publicUrl?: string): Activities;
  /** Of the vendor's own count: requests that were no reads. */
  writes(): number;
  ask(action: ActionName, target: ActionTarget, more?: object): Promise<ActionDocument>;
  /** What the actions lane of the workflow does, until nothing is left that can go on; the waits that were met. */
  lane(): Promise<Delay[]>;
  /** One round of the watch lane. */
  watch(scope?: 'all' | 'pending'): Promise<WatchResult>;
  /** Reads the files again, so that new ones are known. */
  scan(): Promise<void>;
  get(id: string): Promise<ActionDocument>;
  /** An activity that is told to let go while it works. */
  cancellable(name: 'contentChunk'): { done: Promise<unknown>; cancel(): void };
}

/** The activities over a real store and the Box simulator, without Temporal: a test calls what a workflow would. */
export function useGovernedBox(): GovernedBox {
  const database = useDatabase();
  const governed = {} as GovernedBox;
  let close: () => Promise<void>;
  let round = 0;
  let scans = 0;

  beforeAll(async () => {
    const enterprise = await startEnterprise({
      fill: { users: 3, externals: 2, groups: 1, items: 0, events: 0, devicePins: 0 },
    });
    const { simulator, owner } = enterprise;
    const client = await new MongoClient(database.uri).connect();
    const store = await openStore({ uri: database.uri, database: database.name, key: randomBytes(32) });
    await store.ensureIndexes();
    const quiet = () => undefined;
    const made = (connector: Connector, publicUrl?: string) =>
      createActivities({
        store,
        connectors: [connector],
        governor: createOpenGovernor(),
        times: timesOf(0.1),
        publicUrl,
        allowLocalOrigins: true,
        log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      });
    const plain = made(box);
    const activities = inActivity(plain);
    governed.activitiesOf = (connector, publicUrl) => inActivity(made(connector, publicUrl));
    governed.cancellable = (name) => {
      const environment = new MockActivityEnvironment();
      const done = environment.run(plain[name] as (input: object) => Promise<unknown>, { connectionId });
      done.catch(() => undefined);
      return { done, cancel: () => environment.cancel('CANCELLED') };
    };
    const { _id: connectionId } = await store.connections.create({
      app: 'box',
      name: 'Box',
      label: 'box',
      settings: settingsOf(simulator),
      credential: credentialOf(simulator),
      identity: {},
      wanted: 'running',
      governance: 'on',
      protected: [],
      scanEveryMs: 3_600_000,
      parallel: 1,
      createdBy: 'test',
    });
    Object.assign(governed, { simulator, owner, store, activities, connectionId, db: client.db(database.name) });
    await activities.authenticate({ connectionId });
    close = async () => {
      await store.close();
      await client.close();
      await enterprise.close();
    };
  }, 60_000);
  afterAll(() => close());

  governed.writes = () => {
    const { calls } = governed.simulator.control.counters();
    return Object.entries(calls).reduce(
      (sum, [operation, count]) => (/^(PUT|POST|DELETE) (?!.*token)/.test(operation) ? sum + count : sum),
      0,
    );
  };
  governed.get = async (id) => (await governed.store.actions.get(id))!;
  governed.ask = async (action, target, more = {}) =>
    (
      await governed.store.actions.request({
        connectionId: governed.connectionId,
        app: 'box',
        action,
        target,
        mode: 'apply',
        requestedBy: 'a governor',
        reason: 'test',
        expiresInMs: 3_600_000,
        ...more,
      })
    ).action;
  governed.lane = async () => {
    const { activities, connectionId } = governed;
    const waits: Delay[] = [];
    const running: string[] = [];
    for (let tries = 0; tries < 500; tries += 1) {
      const found = await activities.nextActions({ connectionId, running, limit: 8 - running.length });
      if (found.length === 0) return waits;
      for (const { actionId, step } of found) {
        let next: ActionStep | undefined = step;
        while (next) {
          const result: Awaited<ReturnType<Activities['applyAction']>> = await activities[next]({
            connectionId,
            actionId,
          });
          next = result.next;
          if (!result.delay) continue;
          // A workflow would sleep now, and keep it among those that run.
          waits.push(result.delay);
          running.push(actionId);
          break;
        }
      }
    }
    throw new Error('the lane does not come to its end');
  };
  governed.watch = (scope = 'all') =>
    governed.activities.watchChunk({ connectionId: governed.connectionId, round: (round += 1), scope });
  governed.scan = async () => {
    const { activities, connectionId } = governed;
    scans += 1;
    await activities.beginScan({ connectionId, scan: scans });
    for (const stage of ['users', 'files'] as const)
      for (let chunks = 0; chunks < 50; chunks += 1)
        if ((await activities.sweepChunk({ connectionId, stage, scan: scans })).ended) break;
  };
  return governed;
}

/** Each called as Temporal would call it. */
function inActivity(activities: Activities): Activities {
  const wrapped = Object.entries(activities).map(([name, work]) => [
    name,
    (input: never) => new MockActivityEnvironment().run(work as (input: never) => Promise<unknown>, input),
  ]);
  return Object.fromEntries(wrapped) as Activities;
}

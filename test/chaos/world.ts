import type { Client } from '@temporalio/client';
import type { Collection, Db } from 'mongodb';
import type { Api } from '../../local/api-client.ts';
import type { ProcessOwner, RunningProcess } from '../../local/processes.ts';
import type { Subject } from './subject.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** The worker processes. One runs unless a fault says otherwise. */
export interface Workers {
  /** The one that a fault may break. */
  readonly current: RunningProcess;
  readonly all: readonly RunningProcess[];
  /** One more beside those that run; it becomes the current one. `env` is added to its environment. */
  start(env?: Record<string, string>): Promise<RunningProcess>;
  /** SIGKILL of the current one; resolves when it is gone. `restart` brings one back. */
  kill(worker?: RunningProcess): Promise<void>;
  /** SIGTERM and its grace. */
  stop(worker: RunningProcess): Promise<void>;
  /** Kills what runs and starts one again, with today's code. */
  restart(): Promise<void>;
  /** Folder of the compiled code that new workers run; a deployment moves it. */
  code: string;
}

export interface ApiProcess {
  readonly url: string;
  /** Calls are repeated while it is away, as its callers would. Rejects with `ApiProblem` for an answer of 4xx. */
  readonly call: Api;
  kill(): Promise<void>;
  /** The same address as before. */
  start(): Promise<void>;
}

export interface MongoProcess {
  /** Past the proxy. */
  readonly db: Db;
  /** Every write that was committed, in order. */
  readonly oplog: Collection;
  /** Between MongoDB and both the worker and the API. */
  readonly proxy: TcpProxy;
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** On the same data; resolves when it takes writes. */
  start(): Promise<void>;
}

export interface TemporalProcess {
  /** Past the proxies. */
  readonly client: Client;
  readonly address: string;
  readonly toWorker: TcpProxy;
  readonly toApi: TcpProxy;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** On the same data. `rollAt`: at how many events a run is told to roll over. */
  start(rollAt?: number): Promise<void>;
}

/** A tenant with a proxy before it, which is closed with the world. */
export interface Kept {
  proxy: TcpProxy;
}

/** A whole Castellan of real processes with a proxy between any two of them, and what a fault may do to it. */
export interface World {
  owner: ProcessOwner;
  logFolder: string;
  /** 1 is the true length of all waits; 0.1 is a tenth. */
  scale: number;
  workers: Workers;
  api: ApiProcess;
  mongodb: MongoProcess;
  temporal: TemporalProcess;
  /** The tenants that are connected. */
  subjects: readonly Subject[];
  /** A wait of this length at true scale. */
  pause(trueMs: number): Promise<void>;
  /** A write may have been done whose answer nobody heard: a `harmless` action may be repeated once more. */
  disrupted(): void;
  /** This run of a workflow was given signals past our API, which it can do nothing about: its length is not ours. */
  flooded(runId: string): void;
  /**
   * More that must come to hold when the faults have ended: asked again and again until it answers with no difference.
   * For tenants of other apps, which a fault starts with `owner` and connects by `api.call`.
   */
  expect(name: string, differences: () => Promise<string[]>): void;
  /** Ends with the world: for tenants that a fault keeps from round to round. */
  keep<T extends Kept>(name: string, make: () => Promise<T>): Promise<T>;
  /** Summed up in the run's verdict. */
  count(what: string, by: number): void;
  /** For the account of the run. */
  say(line: string): void;
}

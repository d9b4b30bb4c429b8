import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import type { Api } from '../../local/api-client.ts';
import type { ProcessOwner } from '../../local/processes.ts';
import { startWorker } from '../../local/stack.ts';
import { startOktaTenant, type OktaTenant } from '../support/okta-tenant.ts';
import type { BenchOptions, Measured } from './measured.ts';
import { eventually, type Bench, withBench } from './start-bench.ts';

/** Days of the log; Okta keeps ninety. */
const days = 80;
const share = 0.05;
const hidden = 10;
const session = Array.from({ length: hidden }, () => ({ eventType: 'user.session.start' }));
/** Longer than a scan of the few rows that are new. */
const heldBackMs = 5_000;
const patienceMs = 900_000;

/** A Castellan and its vendor, as far as this needs them. */
export interface Subject {
  api: Api;
  db: Db;
  tenant: OktaTenant;
  /** SIGKILL; resolves when it is gone. */
  killWorker(): Promise<void>;
  startWorker(): Promise<void>;
}

export interface Covered {
  stored: number;
  /** Different rows that the vendor has, by its own count. */
  vendor: number;
  /** The same set, by a hash over the sorted ids. */
  same: boolean;
  /** Rows that the vendor gave, or would have given, twice. */
  duplicates: number;
  kills: number;
  seconds: number;
}

/**
 * Reads a log of so many rows: 5 % come late, while and after it is read; 5 % are there twice; bounded pages come newest
 * first; the worker is killed at these shares of it.
 */
export async function readLog(of: Subject, rows: number, killAt: readonly number[]): Promise<Covered & { id: string }> {
  const { api, db, tenant } = of;
  const lateMs = 5_000 + rows / 10;
  await tenant.control.knobs({ logNewestFirst: true });
  await tenant.control.generateLog({ rows, days, late: share, lateMs, duplicated: share });
  const begun = performance.now();
  const { id } = await api.post<{ id: string }>('/v1/connections', tenant.body);
  let kills = 0;
  for (const at of killAt) {
    if (!(await reached(db, id, rows * at))) break;
    await of.killWorker();
    await of.startWorker();
    kills += 1;
  }
  await untilScanned(api, id, 1);
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  await delay(Math.max(0, lateMs - (performance.now() - begun)));
  return { id, ...(await compared(of, id)), kills, seconds };
}

/** Resolves false when it is read to its end already. */
async function reached(db: Db, connectionId: string, rows: number): Promise<boolean> {
  const position = { connectionId, lane: 'sweep', stage: 'activities', role: 'part' };
  return eventually(
    async () => {
      const now = await db.collection('positions').findOne(position);
      if (!now) return undefined;
      if (now['state'] === 'complete') return false;
      return (now['counts'] as { added: number }).added >= rows ? true : undefined;
    },
    patienceMs,
    50,
  );
}

const untilScanned = (api: Api, id: string, scan: number): Promise<true> =>
  eventually(async () => {
    const shown = await api.get<{ scan?: { number: number; finishedAt?: string } }>(`/v1/connections/${id}`);
    return shown.scan && shown.scan.number >= scan && shown.scan.finishedAt ? true : undefined;
  }, patienceMs);

/** Both as sets; the log goes on by what we do ourselves, so it may take a look or two. */
async function compared({ db, tenant }: Subject, id: string): Promise<Omit<Covered, 'kills' | 'seconds'>> {
  for (let looks = 1; ; looks += 1) {
    const vendor = await tenant.control.logDigest();
    const stored = await storedDigest(db, id);
    const same = vendor.held === 0 && vendor.hash === stored.hash && vendor.distinct === stored.count;
    if (same || looks === 40)
      return { stored: stored.count, vendor: vendor.distinct, same, duplicates: vendor.rows - vendor.distinct };
    await delay(1_000);
  }
}

async function storedDigest(db: Db, connectionId: string): Promise<{ count: number; hash: string }> {
  const hash = createHash('sha256');
  let count = 0;
  // By _id, which is the connection and the vendor's id.
  const found = db.collection('activities').find({ connectionId }, { projection: { vendorId: 1 } });
  for await (const { vendorId } of found.sort({ _id: 1 })) {
    hash.update(`${String(vendorId)}\n`);
    count += 1;
  }
  return { count, hash: hash.digest('hex') };
}

interface Source {
  intervals: { from: string; until: string }[];
  holes: { from: string; until: string }[];
}

export interface Hole {
  /** The API told a hole, and all rows that nobody read lie in it. */
  told: boolean;
  /** None of them was stored while it was told. */
  missing: boolean;
  /** After the next scan there is none, and they are there. */
  closed: boolean;
  /** After it also those are there that happened before the hole. */
  late: boolean;
}

/**
 * Rows come while the place in the log is lost, and with it what they would have been read from; among them some that
 * happened when all was read.
 */
export async function makeHole(of: Subject, id: string): Promise<Hole> {
  const { api, db, tenant } = of;
  const sources = async () => (await api.get<{ items: Source[] }>(`/v1/connections/${id}/coverage`)).items;
  const rescan = async () => {
    const { scan } = await api.get<{ scan: { number: number } }>(`/v1/connections/${id}`);
    await api.post(`/v1/connections/${id}/rescan`);
    await untilScanned(api, id, scan.number + 1);
  };
  const heldBack = await tenant.control.appendEvents({ events: session, delayMs: heldBackMs });
  await rescan();
  await of.killWorker();
  const feed = { connectionId: id, lane: 'watch', stage: 'activities', role: 'part' };
  // As a later release would have written it: this one cannot read it, and opens the feed anew.
  await db.collection('positions').updateOne(feed, { $set: { checkpoint: 'of another release' } });
  const rows = await tenant.control.appendEvents({ events: session });
  const storedOf = (list: readonly { uuid: string }[]) =>
    db.collection('activities').countDocuments({ connectionId: id, vendorId: { $in: list.map(({ uuid }) => uuid) } });
  const stored = () => storedOf(rows);
  await eventually(async () => ((await tenant.control.logDigest()).held === 0 ? true : undefined), patienceMs);
  await of.startWorker();
  const holes = await eventually(async () => {
    const all = (await sources()).flatMap((source) => source.holes);
    return all.length > 0 ? all : undefined;
  }, patienceMs);
  const lies = (at: number) => holes.some(({ from, until }) => Date.parse(from) <= at && at <= Date.parse(until));
  const told = rows.every(({ published }) => lies(Date.parse(published)));
  const missing = (await stored()) === 0;

  await rescan();
  const left = (await sources()).flatMap((source) => source.holes);
  const late = (await storedOf(heldBack)) === hidden;
  return { told, missing, closed: left.length === 0 && (await stored()) === hidden, late };
}

/** A log of a million rows, or of as many as told, arrives whole; and a hole in what was read is told. */
export async function coverage({ size: rows = 1_000_000 }: BenchOptions): Promise<Measured[]> {
  const work = async (bench: Bench, owner: ProcessOwner): Promise<Measured[]> => {
    const knobs = { limitFactor: 1_000_000 };
    const tenant = await startOktaTenant(owner, { logFolder: bench.logFolder, users: 20, groups: 2, events: 1, knobs });
    let { worker } = bench;
    let workers = 1;
    const subject: Subject = {
      api: bench.api,
      db: bench.db,
      tenant,
      async killWorker() {
        worker.kill('SIGKILL');
        await worker.exited;
      },
      async startWorker() {
        const log = join(bench.logFolder, `worker-${(workers += 1)}.log`);
        worker = await startWorker(owner, bench.env, log, { compiled: true });
      },
    };
    const { id, ...read } = await readLog(subject, rows, [0.2, 0.5, 0.8]);
    const hole = await makeHole(subject, id);
    const held = hole.told && hole.missing && hole.closed && hole.late;
    return [
      {
        name: 'coverage',
        figure: read.stored,
        limit: read.vendor,
        unit: 'log rows, each once',
        holds: read.same && read.stored >= rows && read.kills > 0,
        details: { rows, timeScale: 0.1, ...read },
      },
      { name: 'coverage-hole', figure: held ? 1 : 0, limit: 1, unit: 'hole told', holds: held, details: { ...hole } },
    ];
  };
  return withBench(work, { CASTELLAN_TIME_SCALE: '0.1' });
}

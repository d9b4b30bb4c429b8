import { setTimeout as delay } from 'node:timers/promises';
import { pick, seeded, type Random } from '../../simulators/kit/seeded.ts';
import { differencesFromUndisturbed } from './compare.ts';
import type { Connected } from './connect-subject.ts';
import type { Ground } from './create-world.ts';
import { placesOfTenants, placesOfVendor, placesThatLoseAnswers, type Fault } from './fault.ts';
import { Missed } from './missed.ts';
import { historyDifferences, longestRunOf } from './longest-run.ts';
import { phasesFrom, type Seconds } from './phases.ts';
import { committedSince, lastCommitted, olderOverNewer } from './observations.ts';
import { settle } from './settle.ts';
import type { Subject } from './subject.ts';

export interface RoundResult {
  round: number;
  /** Kinds that were to strike. */
  drawn: string[];
  struck: string[];
  missed: string[];
  /** Kinds in whose time, or in whose wake, the connection's workflow rolled over. */
  rolledOver: string[];
  /** What does not hold; empty when all does. */
  differences: string[];
  actions: number;
  /** Events of the longest run of the connections. */
  longestRun: number;
  /** By what was done in them. */
  seconds: Seconds;
}

/** Temporal's own waits, before a killed worker's work is given to another, are not ours to scale. */
const wakeMs = 30_000;
/** So many of the changes take somebody away. */
const deleting = 0.04;
/** More than a connection takes at once. */
const mostOpen = 12;

/** One stream of choices for each purpose, so that what one does with its own does not move the others'. */
const streamOf = (seed: number, round: number, purpose: number): Random =>
  seeded((Math.imul(seed, 0x9e3779b1) ^ Math.imul(round, 0x85ebca6b) ^ Math.imul(purpose, 0xc2b2ae35)) >>> 0);

/** Faults strike while scans, changes and actions go on; then all must come to what an undisturbed run has. */
export async function runRound(
  ground: Ground,
  seed: number,
  round: number,
  faults: readonly Fault[],
): Promise<RoundResult> {
  const { world, all, expected, rollovers } = ground;
  const began = performance.now();
  const tell = (what: string) =>
    world.say(`   ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s ${what}`);
  const phases = phasesFrom(began);
  const struck: string[] = [];
  const missed: string[] = [];
  const rolledOver: string[] = [];
  const watching: Promise<unknown>[] = [];
  expected.clear();
  all.forEach(({ ledger }) => ledger.forget());
  const since = await lastCommitted(world.mongodb.oplog);
  const anew = streamOf(seed, round, 1)() < 0.5;
  await Promise.all(
    all.map(async (one) => {
      await one.tenant.prepare();
      await (anew || one.subject.connectionId === '' ? one.connectAnew() : one.askForScan());
    }),
  );

  phases.over('begin');
  const work = new AbortController();
  const failures: string[] = [];
  const working = Promise.all(
    all.flatMap((one, at) => [
      changes(one, streamOf(seed, round, 2 + 2 * at), work.signal),
      acts(one, streamOf(seed, round, 3 + 2 * at), work.signal),
    ]),
  ).catch((error: unknown) => failures.push(`the workload could not go on: ${String(error)}`));
  await Promise.all(
    lanesOf(faults, world.subjects, streamOf(seed, round, 0)).map(async (lane) => {
      const without: Aimed[] = [];
      for (const one of lane) if (!(await strike(one))) without.push(one);
      // Mostly the other lanes have come to their end by now.
      for (const one of without) if (!(await strike(one))) missed.push(one.fault.kind);
      tell(`those of the ${lane[0]!.fault.place} are over`);
    }),
  );
  await Promise.all(watching);
  work.abort();
  await working;
  await mendAll(ground);
  // Whatever else was given up: what is asked for now is done.
  await Promise.all(
    all.map(async ({ subject }, at) => subject.act(await subject.errand(streamOf(seed, round, 50 + at)))),
  );

  /** False when it found no occasion. */
  async function strike({ fault, subject }: Aimed): Promise<boolean> {
    const random = streamOf(seed, round, 100 + hashOf(fault.kind));
    await world.pause(random() * 5_000);
    const armedAt = performance.now();
    const rolling = new AbortController();
    const ledger = all.find((one) => one.subject === subject)!.ledger;
    const vendorIsBack = placesOfVendor.includes(fault.place) ? ledger.vendorAway() : () => {};
    if (placesThatLoseAnswers.includes(fault.place)) world.disrupted();
    const begun = placesOfTenants.includes(fault.place) ? watchRun() : undefined;
    try {
      const heal = await fault.inject({ ...world, subject }, random);
      struck.push(fault.kind);
      const waited = `${((performance.now() - armedAt) / 1000).toFixed(1)} s`;
      tell(`${fault.kind} struck ${world.subjects.length > 1 ? `${subject.app} ` : ''}after ${waited}`);
      const rolls = begun ?? watchRun();
      if (heal) {
        await world.pause(5_000 + random() * 15_000);
        await heal();
        tell(`${fault.kind} healed`);
      }
      // The next one begins meanwhile.
      watching.push(
        Promise.race([rolls, delay(wakeMs)]).then(async () => {
          rolling.abort();
          if (await rolls) rolledOver.push(fault.kind);
        }),
      );
    } catch (error) {
      rolling.abort();
      if (error instanceof Missed) return false;
      failures.push(`${fault.kind} could not be done: ${(error as Error).message}`);
    } finally {
      vendorIsBack();
    }
    return true;

    /** A run that is made to roll over: by what is turned or armed at a tenant, which lasts from then on; else by its wake. */
    function watchRun(): Promise<boolean> {
      return fault.rollsNot === undefined && ground.rollAt !== undefined
        ? rollovers.next(subject.connectionId, rolling.signal)
        : Promise.resolve(false);
    }
  }

  phases.over('faults');
  const differences = await settle(ground);
  phases.over('settle');
  tell('settled');
  const longestRun = await longestRunOf(world.temporal.client, ground.floodedRuns);
  failures.push(...historyDifferences(longestRun));
  if (since) failures.push(...olderOverNewer(await committedSince(world.mongodb.oplog, since)));
  const actions = all.reduce((sum, { ledger }) => sum + ledger.size, 0);
  if (differences.length === 0) failures.push(...(await Promise.all(all.map(undisturbed))).flat());
  phases.over('undisturbed');
  return {
    round,
    drawn: faults.map(({ kind }) => kind),
    struck,
    missed,
    rolledOver,
    differences: [...failures, ...differences],
    actions,
    longestRun,
    seconds: phases.seconds,
  };

  async function undisturbed(one: Connected): Promise<string[]> {
    const { db } = world.mongodb;
    const present = () => one.tenant.present(db, one.subject.connectionId);
    const disturbed = await present();
    await one.connectAnew();
    await scanned(one, 1);
    for (const until = Date.now() + 20_000; ; await delay(500)) {
      const differ = differencesFromUndisturbed(disturbed, await present());
      if (differ.length === 0 || Date.now() > until) return differ;
    }
  }
}

interface Aimed {
  fault: Fault;
  subject: Subject;
}

/** What strikes one after the other: faults of one place, and of one tenant's where each has its own. */
function lanesOf(faults: readonly Fault[], subjects: readonly Subject[], random: Random): Aimed[][] {
  const lanes = new Map<string, Aimed[]>();
  const lengthOf = (lane: string) => lanes.get(lane)?.length ?? 0;
  // Those of one app first, so that the others even the lanes out.
  for (const fault of faults.toSorted((a, b) => (a.apps?.length ?? 9) - (b.apps?.length ?? 9))) {
    const laneAt = ({ app }: Subject) =>
      placesOfTenants.includes(fault.place) ? `${fault.place} ${app}` : fault.place;
    const able = subjects.filter(({ app }) => !fault.apps || fault.apps.includes(app));
    const least = Math.min(...able.map((subject) => lengthOf(laneAt(subject))));
    const subject = pick(
      random,
      able.filter((one) => lengthOf(laneAt(one)) === least),
    );
    lanes.set(laneAt(subject), [...(lanes.get(laneAt(subject)) ?? []), { fault, subject }]);
  }
  return [...lanes.values()];
}

const hashOf = (text: string): number =>
  [...text].reduce((sum, char) => (Math.imul(sum, 31) + char.charCodeAt(0)) >>> 0, 0);

async function changes({ subject }: Connected, random: Random, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await (random() < deleting ? subject.deleteUser(random) : subject.change(random));
    await delay(150 + random() * 400, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted && random() < 0.1) await subject.scanning().catch(() => undefined);
  }
}

/**
 * Actions as operators ask for them, some taken back; while so many are open none is added, or those of faults would wait
 * behind them for minutes. What cannot be asked for meanwhile is asked for again.
 */
async function acts({ subject, ledger }: Connected, random: Random, signal: AbortSignal): Promise<void> {
  const open: Promise<void>[] = [];
  while (!signal.aborted) {
    if ((await ledger.open()) < mostOpen) {
      const errand = await subject.errand(random);
      const id = await subject.act(errand);
      if (errand.undo)
        open.push(
          subject
            .actionIs(id, (state) => state === 'done', 120_000)
            .then(() => subject.undo(id))
            // Not done: the ledger tells.
            .catch(() => undefined),
        );
    }
    await delay(400 + random() * 1200, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(open);
}

/** Faults heal what they broke; after one that could not, the next round must not suffer. */
async function mendAll({ world, all }: Ground): Promise<void> {
  const proxies = [world.mongodb.proxy, world.temporal.toApi, world.temporal.toWorker];
  for (const proxy of [...proxies, ...all.map(({ tenant }) => tenant.proxy)]) proxy.heal();
  for (const { tenant } of all) await tenant.control.faults({ clear: true });
  if (world.workers.all.length === 0) await world.workers.start();
}

async function scanned({ connection }: Connected, scan: number): Promise<void> {
  for (const until = Date.now() + 180_000; ; await delay(100)) {
    const { state } = await connection();
    if (state && state.scan.number >= scan && state.scan.finishedAt) return;
    if (Date.now() > until) throw new Error(`scan ${scan} did not end: ${JSON.stringify(state)}`);
  }
}

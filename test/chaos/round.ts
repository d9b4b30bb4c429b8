import { setTimeout as delay } from 'node:timers/promises';
import { pick, seeded, type Random } from '../../simulators/kit/seeded.ts';
import { differencesFromTruth, differencesFromUndisturbed, presentOf } from './compare.ts';
import type { Ground } from './create-world.ts';
import { Missed, places, type Fault } from './fault.ts';
import { longestRunOf } from './longest-run.ts';
import { lastCommitted, olderOverNewer } from './observations.ts';

export interface RoundResult {
  round: number;
  struck: string[];
  missed: string[];
  /** What does not hold; empty when all does. */
  differences: string[];
  actions: number;
  /** Events of the longest run of the connections. */
  longestRun: number;
  /** Whether the records were equal without another scan. */
  mendedBy: 'itself' | 'nextScan';
  seconds: number;
}

const historyLimit = 4_096;
/** Of true length: how long after the faults all must have come right again. */
const settleTrueMs = 600_000;
const settleLeastMs = 180_000;
/** How long it may take by itself before the next scan is waited for, where that may be needed. */
const patientTrueMs = 200_000;

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
  const { world, ledger, expected, okta } = ground;
  const began = performance.now();
  const tell = (what: string) =>
    world.say(`   ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s ${what}`);
  const struck: string[] = [];
  const missed: string[] = [];
  expected.clear();
  ledger.forget();
  const since = await lastCommitted(world.mongodb.oplog);
  if (world.okta.connectionId === '' || streamOf(seed, round, 1)() < 0.5) await ground.connectAnew();
  else await ground.askForScan();

  const work = new AbortController();
  const failures: string[] = [];
  const working = Promise.all([
    changes(ground, streamOf(seed, round, 2), work.signal),
    acts(ground, streamOf(seed, round, 3), work.signal),
  ]).catch((error: unknown) => failures.push(`the workload could not go on: ${String(error)}`));
  await Promise.all(
    places.map(async (place) => {
      for (const fault of faults.filter((one) => one.place === place)) await strike(fault);
    }),
  );
  tell('the faults are over');
  work.abort();
  await working;
  await mendAll(ground);

  async function strike(fault: Fault): Promise<void> {
    const random = streamOf(seed, round, 100 + hashOf(fault.kind));
    await world.pause(random() * 5_000);
    try {
      const heal = await fault.inject(world, random);
      struck.push(fault.kind);
      world.disrupted();
      tell(`${fault.kind} struck`);
      if (!heal) return;
      await world.pause(5_000 + random() * 15_000);
      await heal();
      tell(`${fault.kind} healed`);
    } catch (error) {
      if (error instanceof Missed) missed.push(fault.kind);
      else failures.push(`${fault.kind} could not be done: ${(error as Error).message}`);
    }
  }

  const { differences, mendedBy } = await settle(ground, faults);
  tell('settled');
  const longestRun = await longestRunOf(world.temporal.client, ground.floodedRuns);
  if (longestRun > historyLimit) failures.push(`a run has ${longestRun} events, more than ${historyLimit}`);
  failures.push(...(await olderOverNewer(world.mongodb.oplog, since)));
  const actions = ledger.size;
  if (differences.length === 0) failures.push(...(await undisturbed(ground)));
  return {
    round,
    struck,
    missed,
    differences: [...failures, ...differences],
    actions,
    longestRun,
    mendedBy,
    seconds: Math.round((performance.now() - began) / 1000),
  };

  async function undisturbed({ world }: Ground): Promise<string[]> {
    const { db } = world.mongodb;
    const disturbed = await presentOf(db, world.okta.connectionId, okta);
    await ground.connectAnew();
    await scanned(ground, 1);
    for (const until = Date.now() + 20_000; ; await delay(500)) {
      const calm = await presentOf(db, world.okta.connectionId, okta);
      const differ = differencesFromUndisturbed(disturbed, calm);
      if (differ.length === 0 || Date.now() > until) return differ;
    }
  }
}

const hashOf = (text: string): number =>
  [...text].reduce((sum, char) => (Math.imul(sum, 31) + char.charCodeAt(0)) >>> 0, 0);

async function changes({ okta, world }: Ground, random: Random, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await okta.change(random);
    await delay(150 + random() * 400, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted && random() < 0.1) await world.scanning().catch(() => undefined);
  }
}

/** Actions as operators ask for them, some taken back. What cannot be asked for meanwhile is asked for again. */
async function acts({ world, okta }: Ground, random: Random, signal: AbortSignal): Promise<void> {
  const open: Promise<void>[] = [];
  while (!signal.aborted) {
    const action = pick(random, ['suspendUser', 'suspendUser', 'revokeSessions', 'requirePasswordReset'] as const);
    const undo = action === 'suspendUser' && random() < 0.4;
    const id = await world.act(action, { accountId: await okta.newUser() });
    if (undo)
      open.push(
        world
          .actionIs(id, (state) => state === 'done', 120_000)
          .then(() => world.undo(id))
          // Not done: the ledger tells.
          .catch(() => undefined),
      );
    await delay(400 + random() * 1200, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(open);
}

/** Faults heal what they broke; after one that could not, the next round must not suffer. */
async function mendAll({ world, okta }: Ground): Promise<void> {
  for (const proxy of [world.mongodb.proxy, world.temporal.toApi, world.temporal.toWorker, okta.proxy]) proxy.heal();
  await okta.control.faults({ clear: true });
  if (world.workers.all.length === 0) await world.workers.start();
}

async function scanned(ground: Ground, scan: number): Promise<void> {
  for (const until = Date.now() + 120_000; ; await delay(100)) {
    const { state } = await ground.connection();
    if (state && state.scan.number >= scan && state.scan.finishedAt) return;
    if (Date.now() > until) throw new Error(`scan ${scan} did not end: ${JSON.stringify(state)}`);
  }
}

/** The same but for the numbers. */
const kindOf = (difference: string): string => difference.replaceAll(/\d+/g, '');

async function settle(
  ground: Ground,
  faults: readonly Fault[],
): Promise<{ differences: string[]; mendedBy: 'itself' | 'nextScan' }> {
  const { world } = ground;
  const began = Date.now();
  const until = began + Math.max(settleLeastMs, settleTrueMs * world.scale);
  const mayScan = faults.some(({ mends }) => mends === 'nextScan');
  const mayFail = faults.some(({ place }) => place === 'vendor' || place === 'network');
  let scanAt = began + patientTrueMs * world.scale;
  let mendedBy: 'itself' | 'nextScan' = 'itself';
  let told = '';
  for (;;) {
    const differences = await differencesNow(ground, mayFail);
    if (differences.length === 0) return { differences, mendedBy };
    if (Date.now() > until) return { differences, mendedBy };
    const first = differences[0]!;
    if (kindOf(first) !== kindOf(told)) world.say(`           ${first}`);
    told = first;
    if (mayScan && Date.now() > scanAt) {
      mendedBy = 'nextScan';
      await ground.askForScan();
      scanAt = Date.now() + patientTrueMs * world.scale;
    }
    await delay(500);
  }
}

async function differencesNow(
  { world, okta, ledger, expected, connection }: Ground,
  mayFail: boolean,
): Promise<string[]> {
  const { state, _id } = await connection();
  if (!state || state.phase !== 'watching' || !state.scan.finishedAt)
    return [`${_id} is ${state?.phase ?? 'not begun'}${state?.problem ? `: ${state.problem.what}` : ''}`];
  const partial = Object.entries(state.stages).filter(([, stage]) => !['done', 'absent'].includes(stage.phase));
  if (partial.length > 0)
    return partial.map(([name, { phase, problem }]) => `stage ${name} is ${phase}: ${problem?.what}`);
  const waiting = await world.mongodb.db.collection('pending').countDocuments({ connectionId: _id });
  if (waiting > 0) return [`${waiting} are still to be looked at again`];
  const more = await Promise.all(
    [...expected].map(async ([name, differences]) => (await differences()).map((one) => `${name}: ${one}`)),
  );
  return [
    ...(await ledger.differences(mayFail)),
    ...(await differencesFromTruth(world.mongodb.db, _id, okta)),
    ...more.flat(),
  ];
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Condition } from 'mongodb';
import { advanceable } from '../../store/action-states.ts';
import type { ActionDocument } from '../../store/action-documents.ts';
import type { Connected } from './connect-subject.ts';
import type { Ground } from './create-world.ts';

/** Of true length: so long after the faults, or after the last of thousands of actions, all must have come right again. */
const withinTrueMs = 600_000;
const withinLeastMs = 180_000;
/** A kind of record that the app cannot be asked about one by one goes when the second scan misses it too. */
const scansAtMost = 2;

/**
 * Until all is as at the vendors, each action as often as it may be; what is not so when the time is over. First by
 * itself. What was of a user whom somebody deleted no vendor tells: it may stay until the next scan, which is asked for.
 */
export async function settle(ground: Ground): Promise<string[]> {
  const found = await settled(ground, () => differences(ground, 'leniently'));
  for (let scans = 1; found.length === 0 && scans <= scansAtMost; scans += 1) {
    const left = await differences(ground, 'strictly');
    if (left.length === 0) return [];
    await Promise.all(ground.all.map((one) => one.askForScan()));
    await settled(ground, async () => (await Promise.all(ground.all.map((one) => unsettled(one, none)))).flat());
  }
  return found.length > 0 ? found : settled(ground, () => differences(ground, 'strictly'));
}

/** Counting thousands takes a tenth of a second, which is asked for seldom, or it slows down what it counts. */
const lookEveryMs = 500;
const countEveryMs = 5_000;
const many = 1_000;

/** The same but for numbers and ids. */
const kindOf = (difference: string): string => difference.replaceAll(/act_\w+|\d+/g, '');

async function settled(ground: Ground, look: () => Promise<string[]>): Promise<string[]> {
  const { world } = ground;
  let told = '';
  let most = -1;
  let until = Infinity;
  for (;;) {
    const late = Date.now() > until;
    const open = await countActions(ground, { $in: [...advanceable] });
    // Of thousands it is not asked one by one, again and again.
    const found = open > 0 && !late ? [`${open} actions are still open`] : await look();
    const [first] = found;
    if (first === undefined || late) return found;
    // Not how few are open: thousands may still be coming in.
    const over = await countActions(ground, { $nin: [...advanceable] });
    if (over > most) until = Date.now() + Math.max(withinLeastMs, withinTrueMs * world.scale);
    most = Math.max(most, over);
    if (kindOf(first) !== kindOf(told)) world.say(`           ${first}`);
    told = first;
    await delay(open > many ? countEveryMs : lookEveryMs);
  }
}

const countActions = ({ world, all }: Ground, state: Condition<ActionDocument['state']>): Promise<number> =>
  world.mongodb.db.collection<ActionDocument>('actions').countDocuments({
    connectionId: { $in: all.map(({ subject }) => subject.connectionId) },
    state,
  });

async function differences({ world, all, expected }: Ground, how: 'strictly' | 'leniently'): Promise<string[]> {
  const { db } = world.mongodb;
  const busy = (
    await Promise.all(all.map((one) => unsettled(one, how === 'leniently' ? one.tenant.deleted : none)))
  ).flat();
  for (const { tenant, subject } of all) {
    // Only a user who is there can be acted as: what was theirs is given up after some tries.
    const left = { connectionId: subject.connectionId, part: { $nin: [...tenant.deleted] } };
    if ((await db.collection('pending').countDocuments(left)) > 0)
      busy.push(`${subject.app}: some are still to be looked at again`);
  }
  if (busy.length > 0) return busy;
  const ofOne = all.map(async ({ ledger, tenant, subject }) => {
    const found = [...(await ledger.differences()), ...(await tenant.differences(db, subject.connectionId, how))];
    return found.map((one) => `${subject.app}: ${one}`);
  });
  const more = [...expected].map(async ([name, found]) => (await found()).map((one) => `${name}: ${one}`));
  return (await Promise.all([...ofOne, ...more])).flat();
}

const none: ReadonlySet<string> = new Set();

/** What keeps the connection from being at rest. A stage may be without the part of a user who was deleted in the scan. */
async function unsettled({ connection }: Connected, deleted: ReadonlySet<string>): Promise<string[]> {
  const { state, _id, app } = await connection();
  const name = `${app} ${_id}`;
  if (!state || state.phase !== 'watching' || !state.scan.finishedAt)
    return [`${name} is ${state?.phase ?? 'not begun'}${state?.problem ? `: ${state.problem.what}` : ''}`];
  return Object.entries(state.stages)
    .filter(([, { phase, problem }]) => {
      const without = phase === 'partial' && [...deleted].some((id) => problem?.what.includes(`user ${id} `));
      return !without && !['done', 'absent'].includes(phase);
    })
    .map(([stage, { phase, problem }]) => `${name}: stage ${stage} is ${phase}: ${problem?.what}`);
}

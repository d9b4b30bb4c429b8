import type { OktaFault } from '../../simulators/okta/faults.ts';
import type { KnobsPatch } from '../../simulators/okta/knobs.ts';
import { pick } from '../../simulators/kit/seeded.ts';
import type { Fault } from './fault.ts';
import { asked, occasion, strike } from './vendor-strikes.ts';
import type { World } from './world.ts';

/** So many rows a page that every list has several. */
const short = { turn: { pageRows: 20 }, back: { pageRows: 0 } };
/** At true scale; the least that lets what was pushed be looked up and stored meanwhile. */
const heldMs = 5_000;
const heldLeastMs = 2_500;

const pages = (kind: string, rules: readonly OktaFault[]): Fault => ({
  kind,
  place: 'vendor',
  at: 'scan',
  inject: (world) => strike(world, rules, short),
});

/** The log behaves so until healed; it strikes when a row of it has. */
function log(kind: string, turn: KnobsPatch, back: KnobsPatch, seen: (world: World) => Promise<boolean>): Fault {
  return {
    kind,
    place: 'vendor',
    at: 'changes',
    async inject(world) {
      const heal = async () => void (await world.okta.control.knobs(back));
      await world.okta.control.knobs(turn);
      try {
        await occasion(world, () => seen(world));
      } catch (error) {
        await heal();
        throw error;
      }
      return heal;
    },
  };
}

const logOf = async ({ okta: { control } }: World) => (await control.truth({ only: ['logs'] })).logs!;

export const vendorPages: Fault[] = [
  pages('page-repeats', [
    { kind: 'repeated', path: asked.users, count: 2 },
    { kind: 'repeated', path: asked.groups, count: 2 },
    { kind: 'heldBack', path: asked.users, skip: 2, count: 1 },
    { kind: 'doubled', path: asked.grants, count: 3 },
  ]),
  pages('page-position-expired', [
    { kind: 'expired', status: 404, path: asked.users },
    { kind: 'expired', status: 400, path: asked.groups },
    { kind: 'expired', status: 404, path: asked.logs, count: 1 },
  ]),
  pages('next-link-loops', [
    { kind: 'loop', path: asked.users, count: 3 },
    { kind: 'loop', path: asked.groups, count: 3 },
    { kind: 'loop', path: asked.logs, count: 2 },
  ]),
  log(
    'log-rows-late',
    { lateProbability: 0.3, lateMs: 2_000 },
    { lateProbability: 0 },
    async (world) => (await logOf(world)).held > 0,
  ),
  log('log-rows-duplicated', { duplicateProbability: 0.5 }, { duplicateProbability: 0 }, async (world) => {
    const { uuids } = await logOf(world);
    return new Set(uuids.slice(-20)).size < uuids.slice(-20).length;
  }),
  {
    kind: 'log-rows-out-of-order',
    place: 'vendor',
    at: 'changes',
    inject: (world) => strike(world, [{ kind: 'shuffled', path: asked.logs }]),
  },
  {
    kind: 'log-newest-first',
    place: 'vendor',
    at: 'any',
    inject: (world) =>
      strike(world, [{ kind: 'reversed', path: asked.logs }], {
        turn: { logNewestFirst: true },
        back: { logNewestFirst: false },
      }),
  },
  {
    kind: 'page-held-back-while-it-changes',
    place: 'vendor',
    at: 'scan',
    async inject(world, random) {
      const { control } = world.okta;
      const { users } = await control.truth({ only: ['users'] });
      const active = users!.slice(1).filter(({ status, profile }) => {
        const { login } = profile as { login: string };
        return status === 'ACTIVE' && !login.includes('of-actions');
      });
      const ms = Math.max(heldLeastMs, heldMs * world.scale);
      const heal = await strike(world, [{ kind: 'late', path: asked.users, ms, count: 1 }]);
      // The page with these as they were is on its way; the hooks, and the log, overtake it.
      for (let n = 0; n < 3; n += 1)
        await control.setStatus({ user: String(pick(random, active)['id']), status: 'SUSPENDED' });
      return heal;
    },
  },
];

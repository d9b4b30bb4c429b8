import type { Fault as VendorFault } from '../../simulators/kit/vendor-faults.ts';
import { onOkta, type Fault, type Struck } from './fault.ts';
import type { Tenant, VendorKnobs } from './subject.ts';
import { occasion, strike } from './vendor-strikes.ts';

/** At true scale; the least that lets what was pushed be looked up and stored meanwhile. */
const heldMs = 5_000;
const heldLeastMs = 2_500;

const pages = (kind: string, which: 'repeated' | 'expired' | 'looping'): Fault => ({
  kind,
  place: 'vendor',
  at: 'scan',
  inject: (world) => strike(world, world.subject.pages[which], (so) => world.subject.pagesAreShort(so)),
});

/** The log behaves so until healed; it strikes when a row of it has. */
const log = (
  kind: string,
  turn: VendorKnobs,
  back: VendorKnobs,
  seen: (log: Awaited<ReturnType<Tenant['log']>>) => boolean,
): Fault => ({
  kind,
  place: 'vendor',
  at: 'changes',
  async inject(world) {
    const { control } = world.subject;
    const heal = async () => void (await control.knobs(back));
    await control.knobs(turn);
    try {
      await occasion(world, async () => seen(await world.subject.log()));
    } catch (error) {
      await heal();
      throw error;
    }
    return heal;
  },
});

const shuffled = (world: Struck, kind: 'shuffled' | 'reversed'): readonly VendorFault[] => [
  { kind, path: world.subject.asked.log },
];

export const vendorPages: Fault[] = [
  pages('page-repeats', 'repeated'),
  pages('page-position-expired', 'expired'),
  pages('next-link-loops', 'looping'),
  log('log-rows-late', { lateProbability: 0.3, lateMs: 2_000 }, { lateProbability: 0 }, ({ held }) => held > 0),
  {
    // What comes then is older than the place where the log is taken up again.
    kind: 'log-position-lost-while-rows-are-late',
    place: 'vendor',
    at: 'changes',
    async inject(world) {
      const { control, pages, log } = world.subject;
      const heal = async () => {
        await control.faults({ clear: true });
        await control.knobs({ lateProbability: 0 });
      };
      await control.knobs({ lateProbability: 0.5, lateMs: 4_000 });
      try {
        await occasion(world, async () => (await log()).held > 2);
        await control.faults({ add: [pages.logExpired] });
        await occasion(world, async () => (await control.faults()).every(({ struck }) => struck > 0));
      } catch (error) {
        await heal();
        throw error;
      }
      return heal;
    },
  },
  log('log-rows-duplicated', { duplicateProbability: 0.5 }, { duplicateProbability: 0 }, ({ ids }) => {
    const last = ids.slice(-20);
    return new Set(last).size < last.length;
  }),
  {
    kind: 'log-rows-out-of-order',
    place: 'vendor',
    at: 'changes',
    inject: (world) => strike(world, shuffled(world, 'shuffled')),
  },
  {
    kind: 'log-newest-first',
    place: 'vendor',
    at: 'any',
    ...onOkta((world) =>
      strike(
        world,
        shuffled(world, 'reversed'),
        async (so) => void (await world.subject.control.knobs({ logNewestFirst: so })),
      ),
    ),
  },
  {
    kind: 'page-held-back-while-it-changes',
    place: 'vendor',
    at: 'scan',
    async inject(world, random) {
      const ms = Math.max(heldLeastMs, heldMs * world.scale);
      const heal = await strike(world, [{ kind: 'late', path: world.subject.asked.listed, ms, count: 1 }]);
      // The page with these as they were is on its way; the hooks, and the log, overtake it.
      await world.subject.changeListed(random);
      return heal;
    },
  },
];

import type { Random } from '../../simulators/kit/seeded.ts';
import type { World } from './world.ts';

/** What a fault breaks. Faults of one place strike one after the other, those of different places at once. */
export const places = ['worker', 'api', 'mongodb', 'temporal', 'network', 'push', 'vendor'] as const;
export type Place = (typeof places)[number];

/** Puts right what the fault broke; nobody else does. Must work whatever else is broken at the moment. */
export type Heal = () => Promise<void>;

export interface Fault {
  /** Kebab-case, unique; what `--only` wants. */
  kind: string;
  place: Place;
  /** When it strikes: while a scan runs, while changes are followed, while an action is taken, or at any time. */
  at: 'scan' | 'changes' | 'actions' | 'any';
  /**
   * `itself` (default): when the round's faults have ended, the records become equal to the vendor's by following changes.
   * `nextScan`: only the next scan can find it out, because the vendor told nobody (it lost or hid the news).
   */
  mends?: 'itself' | 'nextScan';
  /**
   * Resolves when it has struck; throws `Missed` when it found no occasion in its time. Chooses by `random` alone. What it
   * resolves with is called a while later (never earlier than all faults of other places are in); nothing, when it is
   * over already.
   */
  inject(world: World, random: Random): Promise<Heal | void>;
}

/** The occasion did not come; the kind is tried again in another round. */
export class Missed extends Error {
  override readonly name = 'Missed';
}

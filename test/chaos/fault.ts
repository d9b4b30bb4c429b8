import type { Random } from '../../simulators/kit/seeded.ts';
import type { BoxSubject } from './box-subject.ts';
import type { OktaSubject } from './okta-subject.ts';
import type { App, Subject } from './subject.ts';
import type { World } from './world.ts';

/** What a fault breaks. Faults of one place strike one after the other, those of different places at once. */
export const places = ['worker', 'api', 'mongodb', 'temporal', 'network', 'push', 'vendor'] as const;
export type Place = (typeof places)[number];
/** Of which every tenant has its own. */
export const placesOfTenants: readonly Place[] = ['network', 'push', 'vendor'];

/** Their faults may have the answer to an action's call go astray; a worker's say so themselves, when it dies. */
export const placesThatLoseAnswers: readonly Place[] = ['mongodb', 'temporal', 'network'];
/** Their faults may keep an action from being done. */
export const placesOfVendor: readonly Place[] = ['network', 'vendor'];

/** The world, and which of its tenants the fault strikes. */
export interface Struck extends World {
  subject: Subject;
}

/** Puts right what the fault broke; nobody else does. Must work whatever else is broken at the moment. */
export type Heal = () => Promise<void>;

export interface Fault {
  /** Kebab-case, unique; what `--only` wants. */
  kind: string;
  place: Place;
  /** When it strikes: while a scan runs, while changes are followed, while an action is taken, or at any time. */
  at: 'scan' | 'changes' | 'actions' | 'any';
  /** Without it, any. */
  apps?: readonly App[];
  /** Why no run of the connection's workflow can roll over in its time; without it one must. */
  rollsNot?: string;
  /**
   * Resolves when it has struck; throws `Missed` when it found no occasion in its time. Chooses by `random` alone. What it
   * resolves with is called a while later (never earlier than all faults of other places are in); nothing, when it is
   * over already.
   */
  inject(world: Struck, random: Random): Promise<Heal | void>;
}

/** A fault of Box alone. */
export const onBox = (
  inject: (world: Struck & { subject: BoxSubject }, random: Random) => Promise<Heal | void>,
): Pick<Fault, 'apps' | 'inject'> => ({
  apps: ['box'],
  inject: (world, random) => inject(world as Struck & { subject: BoxSubject }, random),
});

/** A fault of Okta alone. */
export const onOkta = (
  inject: (world: Struck & { subject: OktaSubject }, random: Random) => Promise<Heal | void>,
): Pick<Fault, 'apps' | 'inject'> => ({
  apps: ['okta'],
  inject: (world, random) => inject(world as Struck & { subject: OktaSubject }, random),
});

import { setTimeout as delay } from 'node:timers/promises';
import type { Fault as VendorFault } from '../../simulators/kit/vendor-faults.ts';
import type { Heal, Struck } from './fault.ts';
import { Missed, patienceOf } from './missed.ts';

const scanAgainMs = 3_000;
const rulesInPatience = 4;

/** Until it is so, with scans going on; throws `Missed` when it is not so after so many `times` of our patience. */
export async function occasion(world: Struck, so: () => Promise<boolean>, times = 1): Promise<void> {
  let scanAt = 0;
  for (const until = Date.now() + times * patienceOf(world); !(await so()); await delay(100)) {
    if (Date.now() > until) throw new Missed();
    if (Date.now() < scanAt) continue;
    scanAt = Date.now() + scanAgainMs;
    // Other faults may keep a scan from beginning; then this one finds no occasion.
    void world.subject.scanning().catch(() => undefined);
  }
}

/** Arms all rules and resolves when each has struck. Healing takes the rules away, and what `turn` turned. */
export async function strike(
  world: Struck,
  rules: readonly VendorFault[],
  turn: (so: boolean) => Promise<void> = async () => {},
): Promise<Heal> {
  const { control } = world.subject;
  const heal = async (): Promise<void> => {
    await control.faults({ clear: true });
    await turn(false);
  };
  await turn(true);
  await control.faults({ add: [...rules] });
  try {
    const all = async () => (await control.faults()).every(({ struck }) => struck > 0);
    // Each may keep us away for a minute before the next can strike.
    await occasion(world, all, Math.ceil(rules.length / rulesInPatience));
  } catch (error) {
    await heal();
    throw error;
  }
  return heal;
}

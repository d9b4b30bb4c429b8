import { setTimeout as delay } from 'node:timers/promises';
import type { OktaFault } from '../../simulators/okta/faults.ts';
import type { KnobsPatch } from '../../simulators/okta/knobs.ts';
import { Missed, type Heal } from './fault.ts';
import type { World } from './world.ts';

const occasionMs = 60_000;
const scanAgainMs = 3_000;

/** Where the simulator is asked for what. */
export const asked = {
  users: '^/api/v1/users\\?',
  groups: '^/api/v1/groups',
  grants: '/grants',
  logs: '^/api/v1/logs',
  suspend: '/lifecycle/suspend',
};

/** Until it is so, with scans going on; throws `Missed` when it never is. */
export async function occasion(world: World, so: () => Promise<boolean>): Promise<void> {
  let scanAt = 0;
  for (const until = Date.now() + occasionMs; !(await so()); await delay(30)) {
    if (Date.now() > until) throw new Missed();
    if (Date.now() < scanAt) continue;
    scanAt = Date.now() + scanAgainMs;
    // Other faults may keep a scan from beginning; then this one finds no occasion.
    void world.scanning().catch(() => undefined);
  }
}

/** Arms all rules and resolves when each has struck. Healing takes away rules and knobs. */
export async function strike(
  world: World,
  rules: readonly OktaFault[],
  knobs: { turn?: KnobsPatch; back?: KnobsPatch } = {},
): Promise<Heal> {
  const { control } = world.okta;
  const heal = async (): Promise<void> => {
    await control.faults({ clear: true });
    if (knobs.back) await control.knobs(knobs.back);
  };
  if (knobs.turn) await control.knobs(knobs.turn);
  await control.faults({ add: [...rules] });
  try {
    await occasion(world, async () => (await control.faults()).every(({ struck }) => struck > 0));
  } catch (error) {
    await heal();
    throw error;
  }
  return heal;
}

import { randomUUID } from 'node:crypto';
import type { HookKnobs } from '../../simulators/okta/knobs.ts';
import type { Fault } from './fault.ts';

const calm: Partial<HookKnobs> = { duplicateProbability: 0, lossProbability: 0, reorder: false, lagMs: 0 };

/** What the vendor's event hooks do with their deliveries while things change. */
const delivering = (kind: string, hooks: Partial<HookKnobs>): Fault => ({
  kind,
  place: 'push',
  at: 'changes',
  async inject({ okta }, random) {
    await okta.control.knobs({ hooks });
    for (let n = 0; n < 5; n += 1) await okta.change(random);
    return async () => void (await okta.control.knobs({ hooks: calm }));
  },
});

export const pushFaults: Fault[] = [
  delivering('webhooks-duplicated', { duplicateProbability: 1 }),
  delivering('webhooks-out-of-order', { reorder: true, lagMs: 800 }),
  delivering('webhooks-lost', { lossProbability: 1 }),
  {
    kind: 'webhooks-forged',
    place: 'push',
    at: 'changes',
    async inject(world) {
      const { users } = await world.okta.control.truth({ only: ['users'] });
      const target = users!.slice(0, 20).map(({ id }) => ({ id, type: 'User', alternateId: 'a', displayName: 'b' }));
      const event = {
        uuid: randomUUID(),
        eventType: 'user.lifecycle.delete.initiated',
        outcome: { result: 'SUCCESS' },
        target,
      };
      const answers = new Set<number>();
      for (const authorization of ['', 'Bearer none', randomUUID()]) {
        const response = await fetch(`${world.api.url}/webhooks/okta/${world.okta.connectionId}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
          body: JSON.stringify({ eventType: 'com.okta.event_hook', data: { events: [event] } }),
        }).catch(() => undefined);
        // The API may be away at the moment; what it answers must be a refusal.
        if (response) answers.add(response.status);
      }
      world.expect('a forged webhook', async () =>
        [...answers].filter((status) => status < 400).map((status) => `was answered by ${status}`),
      );
    },
  },
];

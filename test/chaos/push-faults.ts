import type { Fault } from './fault.ts';
import { Missed } from './missed.ts';
import type { VendorKnobs } from './subject.ts';

const calm: VendorKnobs['hooks'] = { duplicateProbability: 0, lossProbability: 0, reorder: false, lagMs: 0 };

/** What the vendor's event hooks do with their deliveries while things change. */
const delivering = (kind: string, hooks: VendorKnobs['hooks']): Fault => ({
  kind,
  place: 'push',
  at: 'changes',
  async inject({ subject }, random) {
    await subject.control.knobs({ hooks });
    for (let n = 0; n < 5; n += 1) await subject.change(random);
    return async () => void (await subject.control.knobs({ hooks: calm }));
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
      const { app, connectionId } = world.subject;
      const answers = new Set<number>();
      for (const { headers, body } of await world.subject.forged()) {
        const response = await fetch(`${world.api.url}/webhooks/${app}/${connectionId}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
        }).catch(() => undefined);
        // The API may be away at the moment; what it answers must be a refusal.
        if (response) answers.add(response.status);
      }
      if (answers.size === 0) throw new Missed();
      world.expect('a forged webhook', async () =>
        [...answers].filter((status) => status < 400).map((status) => `was answered by ${status}`),
      );
    },
  },
];

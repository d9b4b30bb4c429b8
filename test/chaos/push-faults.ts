import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import { Missed } from './missed.ts';
import type { ForgedHook, VendorKnobs } from './subject.ts';

/** MongoDB or Temporal may keep it from starting for a minute. */
const answerWithinMs = 90_000;

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

/** The API may be away at the moment: asked until it answers. */
async function answerTo(url: string, { headers, body }: ForgedHook): Promise<number> {
  const request = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
  for (const until = Date.now() + answerWithinMs; ; await delay(500)) {
    const response = await fetch(url, request).catch(() => undefined);
    if (response) return response.status;
    if (Date.now() > until) throw new Missed();
  }
}

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
      const url = `${world.api.url}/webhooks/${app}/${connectionId}`;
      const answers = new Set<number>();
      for (const hook of await world.subject.forged()) answers.add(await answerTo(url, hook));
      world.expect('a forged webhook', async () =>
        [...answers].filter((status) => status < 400).map((status) => `was answered by ${status}`),
      );
    },
  },
];

import { setTimeout as delay } from 'node:timers/promises';
import { ApiProblem } from '../../local/api-client.ts';
import { onOkta, type Fault, type Struck } from './fault.ts';
import type { OktaSubject } from './okta-subject.ts';
import { occasion } from './vendor-strikes.ts';

type AtOkta = Struck & { subject: OktaSubject };

const acceptedWithinMs = 60_000;

/** A key is made for the same app, and an operator gives it to us: the only step of a human's. */
async function giveNewKey({ subject: { service, connectionId }, api }: AtOkta): Promise<void> {
  await service.renew();
  const { credential } = service;
  for (const until = Date.now() + acceptedWithinMs; ; await delay(500)) {
    try {
      await api.call.put(`/v1/connections/${connectionId}/credential`, { credential });
      return;
    } catch (error) {
      // Throttled, say: the answer tells the operator to try again.
      if (!(error instanceof ApiProblem && error.problem.who === 'vendor') || Date.now() > until) throw error;
    }
  }
}

const phaseOf = async ({ mongodb, subject }: AtOkta): Promise<unknown> => {
  const found = await mongodb.db
    .collection<{ _id: string; state?: { phase: string } }>('connections')
    .findOne({ _id: subject.connectionId }, { projection: { 'state.phase': 1 } });
  return found?.state?.phase;
};

export const vendorCredentials: Fault[] = [
  {
    kind: 'token-revoked-mid-scan',
    place: 'vendor',
    at: 'scan',
    ...onOkta(async (world) => {
      const { subject } = world;
      await subject.scanning();
      await subject.service.withdraw('all');
      const heal = () => giveNewKey(world);
      try {
        await occasion(world, async () => (await phaseOf(world)) === 'needsCredentials');
      } catch (error) {
        await heal();
        throw error;
      }
      return heal;
    }),
  },
  {
    kind: 'credential-renewed-in-a-chunk',
    place: 'vendor',
    at: 'scan',
    ...onOkta(async (world) => {
      const { subject } = world;
      await subject.scanning();
      await giveNewKey(world);
      // What still asks with the one before is refused, which must not stop who has the new one.
      await subject.service.withdraw('earlier');
    }),
  },
];

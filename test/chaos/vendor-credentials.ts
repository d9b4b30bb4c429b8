import { setTimeout as delay } from 'node:timers/promises';
import { ApiProblem } from '../../local/api-client.ts';
import { letters, type Random } from '../../simulators/kit/seeded.ts';
import { onOkta, type Fault, type Struck } from './fault.ts';
import type { OktaSubject } from './okta-subject.ts';
import { occasion } from './vendor-strikes.ts';

type AtOkta = Struck & { subject: OktaSubject };

const acceptedWithinMs = 60_000;

/** The same administrator makes another token, and an operator gives it to us: the only step of a human's. */
async function giveNewToken({ subject: { control, body, connectionId }, api }: AtOkta, random: Random): Promise<void> {
  const { apiTokens } = await control.truth({ only: ['apiTokens'] });
  const last = apiTokens!.toSorted((a, b) => Number(b['lastUsed']) - Number(a['lastUsed']))[0]!;
  const value = `00${letters(random, 40)}`;
  await control.createApiToken({ user: String(last['userId']), value, name: 'renewed' });
  const credential = { ...body.credential, token: value };
  for (const until = Date.now() + acceptedWithinMs; ; await delay(500)) {
    try {
      await api.call.put(`/v1/connections/${connectionId}/credential`, { credential });
      break;
    } catch (error) {
      // Throttled, say: the answer tells the operator to try again.
      if (!(error instanceof ApiProblem && error.problem.who === 'vendor') || Date.now() > until) throw error;
    }
  }
  // Connections that are made from now on use it too.
  body.credential = credential;
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
    ...onOkta(async (world, random) => {
      const { subject } = world;
      await subject.scanning();
      await subject.control.revokeApiToken({ value: subject.body.credential.token });
      const heal = () => giveNewToken(world, random);
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
    ...onOkta(async (world, random) => {
      const { subject } = world;
      await subject.scanning();
      const before = subject.body.credential.token;
      await giveNewToken(world, random);
      // What still asks with it is refused, which must not stop who has the new one.
      await subject.control.revokeApiToken({ value: before });
    }),
  },
];

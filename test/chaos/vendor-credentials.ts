import { letters, type Random } from '../../simulators/kit/seeded.ts';
import type { Fault } from './fault.ts';
import { occasion } from './vendor-strikes.ts';
import type { World } from './world.ts';

/** The same administrator makes another token, and an operator gives it to us: the only step of a human's. */
async function giveNewToken({ okta, api }: World, random: Random): Promise<void> {
  const { apiTokens } = await okta.control.truth({ only: ['apiTokens'] });
  const last = apiTokens!.toSorted((a, b) => Number(b['lastUsed']) - Number(a['lastUsed']))[0]!;
  const value = `00${letters(random, 40)}`;
  await okta.control.createApiToken({ user: String(last['userId']), value, name: 'renewed' });
  // Connections that are made from now on use it too.
  okta.body.credential.token = value;
  await api.call.put(`/v1/connections/${okta.connectionId}/credential`, { credential: okta.body.credential });
}

const phaseOf = async ({ mongodb, okta }: World): Promise<unknown> => {
  const found = await mongodb.db
    .collection<{ _id: string; state?: { phase: string } }>('connections')
    .findOne({ _id: okta.connectionId }, { projection: { 'state.phase': 1 } });
  return found?.state?.phase;
};

export const vendorCredentials: Fault[] = [
  {
    kind: 'token-revoked-mid-scan',
    place: 'vendor',
    at: 'scan',
    async inject(world, random) {
      await world.scanning();
      const { control, body } = world.okta;
      await control.revokeApiToken({ value: body.credential.token });
      const heal = () => giveNewToken(world, random);
      try {
        await occasion(world, async () => (await phaseOf(world)) === 'needsCredentials');
      } catch (error) {
        await heal();
        throw error;
      }
      return heal;
    },
  },
  {
    kind: 'credential-renewed-in-a-chunk',
    place: 'vendor',
    at: 'scan',
    async inject(world, random) {
      await world.scanning();
      const { control, body } = world.okta;
      const before = body.credential.token;
      await giveNewToken(world, random);
      // What still asks with it is refused, which must not stop who has the new one.
      await control.revokeApiToken({ value: before });
    },
  },
];

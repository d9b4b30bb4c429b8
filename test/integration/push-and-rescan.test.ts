import { describe, expect, it } from 'vitest';
import { useInstallation } from '../support/installation.ts';
import { rowsOf } from '../support/stored-truth.ts';

const to = useInstallation({ tenant: { users: 120, groups: 6, events: 200 } });
const account = async (id: string, vendorId: string) =>
  (await rowsOf(to.db, id, 'accounts')).find((row) => row.vendorId === vendorId);

async function eventually<R>(ask: () => Promise<R>, so: (answer: R) => boolean, withinMs = 30_000): Promise<R> {
  for (const until = Date.now() + withinMs; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const answer = await ask();
    if (so(answer)) return answer;
    if (Date.now() > until) throw new Error(`it did not come to that: ${JSON.stringify(answer)}`);
  }
}

describe('what changes at the vendor', () => {
  let id: string;

  it('comes by an event hook, without the log', async () => {
    const { control } = to.tenant;
    ({ id } = await to.connect());
    await to.scanned(id);
    await eventually(
      () => control.truth({ only: ['hooks'] }),
      ({ hooks }) =>
        hooks!.some(({ status, verificationStatus }) => status === 'ACTIVE' && verificationStatus === 'VERIFIED'),
    );
    // From here on the log says nothing: only the hook can tell.
    await control.faults({ add: [{ kind: 'empty', path: '^/api/v1/logs' }] });
    const { users } = await control.truth({ only: ['users'] });
    const user = String(users!.find(({ status }) => status === 'ACTIVE')!['id']);
    expect((await account(id, user))!['status']).toBe('active');
    const began = performance.now();
    await control.setStatus({ user, status: 'SUSPENDED' });
    await eventually(
      () => account(id, user),
      (row) => row?.['status'] === 'suspended',
    );
    console.log(`event hook to committed record: ${Math.round(performance.now() - began)} ms`);
    expect((await control.counters()).hookDeliveries.answered).toBeGreaterThanOrEqual(1);
  });

  it('comes by the hook also with another secret, which the vendor is given', async () => {
    const { control } = to.tenant;
    await to.api.post(`/v1/connections/${id}/webhook-secret/rotate`);
    const { webhookSecret } = await to.until(id, (shown) => shown.webhookSecret.previousUntil);
    expect(webhookSecret.rotations).toBe(1);
    // The one of before holds no longer, so it is the new one that the vendor sends.
    await to.db
      .collection<{ _id: string }>('connections')
      .updateOne({ _id: id }, { $set: { webhookOverlapUntil: new Date(0) } });
    const { users } = await control.truth({ only: ['users'] });
    const user = String(users!.find(({ status }) => status === 'ACTIVE')!['id']);
    await control.setStatus({ user, status: 'SUSPENDED' });
    await eventually(
      () => account(id, user),
      (row) => row?.['status'] === 'suspended',
    );
  });

  it('what was deleted is found by the next scan, by asking for it once more', async () => {
    const { control } = to.tenant;
    await control.knobs({ hooks: { lossProbability: 1 } });
    const { users } = await control.truth({ only: ['users'] });
    const user = String(users!.find(({ status }) => status === 'DEPROVISIONED')!['id']);
    await control.deleteUser({ user });
    expect((await account(id, user))!['removedAt']).toBeUndefined();
    await to.api.post(`/v1/connections/${id}/rescan`);
    const seen = await to.scanned(id, 2);
    expect((await account(id, user))!['removedAt']).toBeInstanceOf(Date);
    expect(seen.stages['users']!.counts.removed).toBeGreaterThanOrEqual(1);
    expect(seen.stages['users']!.trust).toBe('trusted');
    const present = (await rowsOf(to.db, id, 'accounts')).filter((row) => !row['removedAt']);
    expect(present.length).toBe(119);
  });

  it('a list that is suddenly empty is suspect: nothing goes, however often it is read', async () => {
    const { control } = to.tenant;
    await control.faults({ add: [{ kind: 'empty', path: '^/api/v1/users\\?' }] });
    for (const scan of [3, 4]) {
      await to.api.post(`/v1/connections/${id}/rescan`);
      const seen = await to.scanned(id, scan);
      expect(seen.stages['users']!.trust).toBe('suspect');
      expect((await rowsOf(to.db, id, 'accounts')).filter((row) => !row['removedAt']).length).toBe(119);
    }
    await control.faults({ clear: true });
    await to.api.post(`/v1/connections/${id}/rescan`);
    expect((await to.scanned(id, 5)).stages['users']!.trust).toBe('trusted');
  });
});

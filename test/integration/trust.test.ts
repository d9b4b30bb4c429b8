import { describe, expect, it } from 'vitest';
import type { Ref } from '../../connectors/connector.ts';
import { file, group, page, part, useOpenPositions } from '../support/open-positions.ts';
import { useInstallation, type Shown } from '../support/installation.ts';
import { expectTruthSoon, rowsOf } from '../support/stored-truth.ts';

describe('what is gone, and what only cannot be seen', () => {
  const to = useInstallation({ tenant: { users: 60, groups: 6, events: 40, knobs: { pageRows: 20 } } });
  let id: string;
  let scans = 1;

  const rescan = async (body: object = {}): Promise<Shown> => {
    await to.api.post(`/v1/connections/${id}/rescan`, body);
    return to.scanned(id, (scans += 1));
  };
  const present = async (kind: 'accounts' | 'privileges') =>
    (await rowsOf(to.db, id, kind)).filter((row) => !row['removedAt']).map(({ vendorId }) => vendorId);
  /** Neither the log nor a hook tells of it: only the next scan can. */
  async function deleteSilently(share: number): Promise<string[]> {
    const { control } = to.tenant;
    const { users } = await control.truth({ only: ['users'] });
    const some = users!.slice(-Math.ceil(users!.length * share)).map((user) => String(user['id']));
    for (const user of some) await control.deleteUser({ user });
    return some;
  }

  it('roles: a vendor that answers 200 and nothing, once we have no role, has not lost its administrators', async () => {
    const { control } = to.tenant;
    ({ id } = await to.connect());
    await to.scanned(id);
    const { apiTokens } = await control.truth({ only: ['apiTokens'] });
    const owner = String(apiTokens!.toSorted((a, b) => Number(b['lastUsed']) - Number(a['lastUsed']))[0]!['userId']);
    // What we lose ourselves is told, and is gone.
    const before = (await present('privileges')).filter((one) => !one.includes(owner));
    expect(before.length).toBeGreaterThan(3);
    await control.knobs({ rolesWithoutRight: 'empty' });
    await control.setOwnerRoles({ types: ['READ_ONLY_ADMIN'] });
    const shown = await rescan();
    expect(await present('privileges')).toEqual(expect.arrayContaining(before));
    const { trust, phase, problem } = shown.stages['users']!;
    expect({ trust, phase }).toEqual({ trust: 'blind', phase: 'partial' });
    expect(problem).toMatchObject({ kind: 'forbidden', who: 'tenant-admin' });
    expect(problem!.what).toContain('no administrator roles');

    await control.setOwnerRoles({ types: ['SUPER_ADMIN'] });
    expect((await rescan()).stages['users']!.trust).toBe('trusted');
    await expectTruthSoon(to.db, id, to.tenant);
  });

  it('half a list and then 500 for good: nothing goes, the operator is told, the rest goes on', async () => {
    const { control } = to.tenant;
    await control.knobs({ hooks: { lossProbability: 1 } });
    await control.faults({
      add: [
        { kind: 'empty', path: '^/api/v1/logs' },
        { kind: 'status', status: 500, path: '^/api/v1/users\\?.*after=' },
      ],
    });
    const all = await present('accounts');
    const gone = await deleteSilently(0.05);
    const { stages } = await rescan();
    expect(await present('accounts')).toEqual(all);
    const { phase, parts, problem } = stages['users']!;
    expect({ phase, parts }).toEqual({ phase: 'partial', parts: { total: 3, done: 2, failed: 1 } });
    expect(problem).toMatchObject({ kind: 'unavailable', who: 'vendor' });
    expect(problem!.what).toContain('answered 500');

    await control.faults({ clear: true, add: [{ kind: 'empty', path: '^/api/v1/logs' }] });
    const mended = (await rescan()).stages['users']!;
    expect([mended.phase, mended.trust]).toEqual(['done', 'trusted']);
    expect(await present('accounts')).toEqual(all.filter((one) => !gone.includes(one)));
  });

  it('a list that is shorter by 60 % is suspect until an operator accepts it', async () => {
    const all = await present('accounts');
    const gone = await deleteSilently(0.6);
    const shown = await rescan();
    expect(shown.stages['users']!.trust).toBe('suspect');
    expect(await present('accounts')).toEqual(all);
    const marked = { connectionId: id, missingSince: { $exists: true } };
    expect(await to.db.collection('accounts').countDocuments(marked)).toBe(0);

    const accepted = await rescan({ acceptRemovals: true });
    expect(accepted.stages['users']!.trust).toBe('trusted');
    expect(await present('accounts')).toEqual(all.filter((one) => !gone.includes(one)));
  });
});

describe('one drive of many that is locked for ever', () => {
  const at = useOpenPositions();
  const drives = Array.from({ length: 200 }, (_, n) => `drive${String(n).padStart(3, '0')}`);
  const locked = 'drive100';
  const rule = { kinds: ['files' as const], suspectShare: 0.3 };

  /** Each drive has `kept`, and `lost` unless told. */
  async function scan(con: string, number: number, lost: boolean, isLocked: boolean): Promise<void> {
    const { positions } = at;
    await positions.beginStage(con, 'files', number, { listing: true });
    const listing = (await positions.claim(con, 'sweep', 'files', number, 'w', 60_000)).lease!;
    const parts = drives.map((drive) => part(drive));
    await positions.complete(await positions.addParts(listing, parts, null, { feeds: false }), rule);
    for (;;) {
      const { lease } = await positions.claim(con, 'sweep', 'files', number, 'w', 60_000);
      if (!lease) return;
      const { part: of } = lease.position;
      if (isLocked && of.id === locked) {
        const what = `${of.title} is locked`;
        const problem = { kind: 'unavailableSubject', what, who: 'tenant-admin', since: new Date().toISOString() };
        await positions.fail(lease, 'skipped', problem as never);
        continue;
      }
      const records = [file(`${of.id}-kept`), ...(lost ? [] : [file(`${of.id}-lost`)])];
      const read = await positions.commit(lease, group(page(records, new Date())));
      const lookup = async (absent: readonly Ref[]) => ({ records: [], absent, observedAt: new Date() });
      await positions.complete(read.lease, { ...rule, lookup });
    }
  }

  it('keeps what it had, while what is gone from the others goes; it is listed with the reason', async () => {
    const con = await at.connect();
    await scan(con, 1, false, false);
    await scan(con, 2, true, true);
    const left = await at.db
      .collection<{ vendorId: string }>('files')
      .find({ connectionId: con, removedAt: { $exists: false } })
      .toArray();
    const ids = new Set(left.map(({ vendorId }) => vendorId));
    expect(ids.size).toBe(201);
    expect([ids.has(`${locked}-kept`), ids.has(`${locked}-lost`)]).toEqual([true, true]);
    const told = await at.positions.summary(con, 'sweep', 'files', 2);
    expect(told).toMatchObject({ total: 200, done: 199, skipped: 1, counts: { skipped: 0 } });
    expect(told.example!.failure!.what).toBe(`${locked} is locked`);
    const { items } = await at.positions.list(con, { state: 'skipped', limit: 10 });
    expect(items.map(({ part: { id }, failure }) => [id, failure!.what])).toEqual([[locked, `${locked} is locked`]]);
  });
});

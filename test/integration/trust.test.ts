import { describe, expect, it } from 'vitest';
import type { SweepResult } from '../../activities/results.ts';
import { box } from '../../connectors/box/index.ts';
import type { Connector } from '../../connectors/connector.ts';
import { Failure } from '../../connectors/kit/failures.ts';
import { useInstallation, type Shown } from '../support/installation.ts';
import { file, part } from '../support/open-positions.ts';
import { useGovernedBox } from '../support/use-governed-box.ts';
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
  const at = useGovernedBox();
  const parts = Array.from({ length: 60 }, (_, n) => part(`drive${String(n).padStart(3, '0')}`));
  const locked = 'drive030';
  let scans = 0;

  const keptOf = (drive: string) => [1, 2, 3, 4].map((n) => `${drive}-kept-${n}`);

  /** Each drive has what is kept, and `lost` unless told. */
  async function scan({ lost, isLocked }: { lost: boolean; isLocked: boolean }): Promise<SweepResult> {
    const drives: Connector = {
      ...box,
      stages: {
        files: {
          parts: () => Promise.resolve({ records: parts }),
          async sweep(_session, { part: { id, title } }) {
            if (isLocked && id === locked) throw new Failure('unavailableSubject', `${title} is locked`);
            return { records: [...keptOf(id), ...(lost ? [] : [`${id}-lost`])].map((name) => file(name)) };
          },
          lookup: (_session, absent) => Promise.resolve({ records: [], absent, unknown: [] }),
        },
      },
    };
    const activities = at.activitiesOf(drives);
    const input = { connectionId: at.connectionId, stage: 'files', scan: (scans += 1) } as const;
    for (let chunks = 0; chunks < 1_000; chunks += 1) {
      const result = await activities.sweepChunk(input);
      if (result.ended) return result;
    }
    throw new Error('the stage did not end');
  }

  it('keeps what it had, while what is gone from the others goes; it is listed with the reason', async () => {
    const { connectionId, db, store } = at;
    await scan({ lost: false, isLocked: false });
    const { trust, problem, parts: ended } = await scan({ lost: true, isLocked: true });
    const left = await db.collection('files').distinct('vendorId', { connectionId, removedAt: { $exists: false } });
    const kept = [...parts.flatMap(({ id }) => keptOf(id)), `${locked}-lost`];
    expect(left.toSorted()).toEqual(kept.toSorted());

    expect([trust, ended.done, ended.failed]).toEqual(['trusted', 60, 0]);
    expect(problem).toMatchObject({ kind: 'unavailableSubject', what: `${locked} is locked`, who: 'tenant-admin' });
    const { items } = await store.positions.list(connectionId, { state: 'skipped', limit: 10 });
    expect(items.map(({ part: { id }, failure }) => [id, failure!.what])).toEqual([[locked, `${locked} is locked`]]);

    // Unlocked after all: what went meanwhile goes too.
    expect((await scan({ lost: true, isLocked: false })).problem).toBeUndefined();
    expect(await store.records.get(connectionId, 'files', `${locked}-lost`)).toHaveProperty('removedAt');
  });
});

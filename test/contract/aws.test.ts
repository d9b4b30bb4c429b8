import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import { aws } from '../../connectors/aws/index.ts';
import type { Stage } from '../../connectors/connector.ts';
import type { Page, Part } from '../../connectors/pages.ts';
import { type Failure } from '../../connectors/kit/failures.ts';
import { mostOpen, recordSchemas, type AnyRecord, type StageName } from '../../connectors/records.ts';
import { putTrailFile } from '../../simulators/aws/fill-trail.ts';
import { expectCost, toldOf } from '../support/expect-cost.ts';
import { useProcessOwner } from '../support/use-process-owner.ts';
import { startAwsAccount, type AwsAccount } from './aws-account.ts';
import { madeEvent } from './made-trail-event.ts';
import { createOcsfValidator, sharedFolder } from './ocsf-validator.ts';

const specs = sharedFolder('CASTELLAN_SPECS', 'specs');
const problemsOf = specs ? createOcsfValidator(specs) : () => [];
const day = 86_400_000;

describe('AWS against moto, with the front server before it', { timeout: 120_000 }, () => {
  const owner = useProcessOwner();
  const folder = mkdtempSync(join(tmpdir(), 'castellan-aws-'));
  let front: AwsAccount['front'];
  let filled: AwsAccount['filled'];
  let s3: AwsAccount['s3'];
  let open: AwsAccount['open'];

  beforeAll(async () => {
    ({ front, filled, s3, open } = await startAwsAccount(owner, folder));
  }, 600_000);
  afterAll(async () => {
    await front?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const stage = (name: StageName) => aws.stages[name] as Stage<AnyRecord>;
  const range = () => ({ from: new Date(Date.now() - 3650 * day), until: new Date(Date.now() + 60_000) });

  async function pages<R>(ask: (cursor: string | undefined) => Promise<Page<R>>, from?: string): Promise<Page<R>[]> {
    const all: Page<R>[] = [];
    for (let cursor = from, first = true; first || cursor !== undefined; first = false) {
      const page = await ask(cursor);
      expect(all.length).toBeLessThan(500);
      if (page.next !== undefined) expect(page.next).not.toBe(cursor);
      all.push(page);
      cursor = page.next;
    }
    return all;
  }
  async function partsOf(name: StageName): Promise<Part[]> {
    const { parts } = stage(name);
    if (!parts) return [{ id: '', title: '' }];
    const listed = await pages((cursor) => parts(open(), { part: { id: '', title: '' }, cursor }));
    return listed.flatMap(({ records }) => records);
  }
  const sweep = (name: StageName, part: Part, from?: string, session = open()) =>
    pages((cursor) => stage(name).sweep!(session, { part, cursor, ...(name === 'activities' ? range() : {}) }), from);
  const all = async (name: StageName) => {
    const found: AnyRecord[] = [];
    for (const part of await partsOf(name)) found.push(...(await sweep(name, part)).flatMap(({ records }) => records));
    return found;
  };
  const failureOf = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.fail('expected a failure'),
      (error: unknown) => error as Failure,
    );

  it('verifies: the account, the principal, what it may', async () => {
    const verified = await aws.verify(open());
    expect(verified.tenant.id).toBe('123456789012');
    expect(verified.principal.name).toBe('arn:aws:iam::123456789012:user/castellan');
    expect(verified.granted).toEqual(['inline:castellan']);
    for (const name of ['users', 'permissions', 'activities', 'files'] as const)
      expect([name, verified.probes[name]?.state]).toEqual([name, 'granted']);
    front.control.fault({ operation: 'ListBuckets', kind: 'denied' });
    expect((await aws.verify(open())).probes.files).toMatchObject({ state: 'missing', missing: 's3:ListBuckets' });
  });

  it('reads everything once, with page sizes of the vendor, and resumes from a cursor on a fresh session', async () => {
    const counts: Record<string, number> = {};
    const ids = new Set<string>();
    for (const name of ['users', 'permissions', 'activities', 'files'] as const)
      for (const part of await partsOf(name)) {
        const read = await sweep(name, part);
        for (const record of read.flatMap(({ records }) => records)) {
          expect(recordSchemas[record.kind].safeParse(record).error?.issues).toBeUndefined();
          expect(ids.has(`${record.kind}/${record.vendorId}`)).toBe(false);
          ids.add(`${record.kind}/${record.vendorId}`);
          counts[record.kind] = (counts[record.kind] ?? 0) + 1;
          if (record.kind === 'activities') expect(problemsOf(record.event)).toEqual([]);
        }
        const middle = read[Math.floor((read.length - 1) / 2)]?.next;
        if (middle === undefined) continue;
        const rest = (await sweep(name, part, middle)).flatMap(({ records }) =>
          records.map(({ vendorId }) => vendorId),
        );
        const expected = read.slice(Math.floor((read.length - 1) / 2) + 1);
        expect(rest).toEqual(expected.flatMap(({ records }) => records.map(({ vendorId }) => vendorId)));
      }
    // The root account, and every bucket and log file as files.
    expect(counts).toMatchObject({
      accounts: filled.users + 1,
      groups: filled.groups,
      memberships: 24,
      activities: 130 + filled.trailRecords,
    });
    expect(counts.files).toBe(filled.objects + filled.buckets.length + filled.trailFiles + 2);
  });

  it('tells sharing apart', async () => {
    const files = (await all('files')).filter((record) => record.kind === 'files');
    const of = (id: string) => files.find(({ vendorId }) => vendorId === id);
    const sharing = (id: string) => mostOpen(of(id)!.shares);
    expect(sharing('acme-website')).toBe('public');
    expect(sharing('acme-almost-public')).toBe('internal');
    expect(sharing('acme-partner-exchange')).toBe('external');
    expect(sharing('acme-press')).toBe('private');
    const press = files.filter((file) => file.parentId === 'acme-press');
    expect(press.filter(({ shares }) => mostOpen(shares) === 'public').length).toBeGreaterThan(0);
    const { parentId } = of(filled.examples.public)!;
    expect([sharing(filled.examples.public), sharing(parentId!)]).toContain('public');
    expect(of(filled.examples.public)?.trashed).toBe(false);
    expect(of(filled.examples.trashed)?.trashed).toBe(true);
  });

  it.each([
    ['throttle', 'throttled'],
    ['denied', 'forbidden'],
    ['error', 'unavailable'],
    ['torn', 'unavailable'],
    ['html', 'unavailable'],
  ] as const)('an answer that is %s is %s', async (kind, expected) => {
    for (const [name, operation, part] of [
      ['users', 'GetAccountAuthorizationDetails', ''],
      ['files', 'ListObjectsV2', 'acme-scratch'],
      ['activities', 'LookupEvents', 'events/us-east-1'],
    ] as const) {
      front.control.fault({ operation, kind });
      const failure = await failureOf(stage(name).sweep!(open(), { part: { id: part, title: '' }, ...range() }));
      front.control.clearFaults();
      expect([operation, failure.kind]).toEqual([operation, expected]);
      if (expected === 'throttled') expect(failure.details.bucket).toMatch(/^aws\/123456789012\//);
    }
  });

  it('begins a window of the event history again when its token is no longer taken', async () => {
    const part = { id: 'events/us-east-1', title: '' };
    const first = new Date(Date.now() - 130 * 3_600_000);
    const request = { part, from: first, until: new Date() };
    front.control.addEvents({
      region: 'us-east-1',
      events: Array.from({ length: 60 }, (_, index) => madeEvent(1000 + index, first.getTime() + 60_000 + index)),
    });
    const page = await stage('activities').sweep!(open(), request);
    front.control.forgetTokens();
    const again = await pages((cursor) => stage('activities').sweep!(open(), { ...request, cursor }), page.next);
    const made = [page, ...again].flatMap(({ records }) => records.map(({ vendorId }) => vendorId));
    expect(again[0]?.records).toEqual([]);
    expect(new Set(made.filter((id) => /^made-10[0-5]\d$/.test(id))).size).toBe(60);
  });

  it('brings log files that come late, each once', async () => {
    const part = { id: 'AWSLogs/123456789012/CloudTrail/us-east-1/', title: '' };
    const { changes } = stage('activities');
    const now = Date.now();
    await putTrailFile(s3, filled.trailBucket, [madeEvent(500, now)], new Date(now));
    let { checkpoint } = await changes!(open(), { part, from: new Date(now + 60_000) });
    await putTrailFile(s3, filled.trailBucket, [madeEvent(501, now)], new Date(now));
    // Its name sorts before the ones that were read.
    await putTrailFile(s3, filled.trailBucket, [madeEvent(502, now)], new Date(now - day / 2));
    const found: string[] = [];
    for (let round = 0; round < 3; round++) {
      const page = await changes!(open(), { part, checkpoint });
      found.push(...page.records.map(({ vendorId }) => vendorId));
      checkpoint = page.checkpoint;
    }
    expect(found.sort()).toEqual(['made-501', 'made-502']);
  });

  it('goes on with the files that are left of a round, under whatever name an earlier version kept them', async () => {
    const part = { id: 'AWSLogs/123456789012/CloudTrail/us-east-1/', title: '' };
    const { changes } = stage('activities');
    const now = Date.now();
    const { checkpoint } = await changes!(open(), { part, from: new Date(now + 60_000) });
    const numbers = Array.from({ length: 10 }, (_, at) => 600 + at);
    for (const number of numbers) await putTrailFile(s3, filled.trailBucket, [madeEvent(number, now)], new Date(now));
    const first = await changes!(open(), { part, checkpoint });
    const [version, left] = JSON.parse(Buffer.from(first.next!, 'base64url').toString()) as [number, object];
    const earlier = Buffer.from(JSON.stringify([version, { files: Object.values(left)[0] }])).toString('base64url');
    const rests = await Promise.all(
      [first.next, earlier].map((cursor) => changes!(open(), { part, checkpoint: first.checkpoint, cursor })),
    );
    for (const rest of rests) {
      expect(rest.next).toBeUndefined();
      expect([...first.records, ...rest.records].map(({ vendorId }) => vendorId).sort()).toEqual(
        numbers.map((number) => `made-${number}`),
      );
    }
  });

  it('hears of objects through the queue, and deletes what was committed', async () => {
    const files = stage('files');
    const part = { id: '!queue', title: '' };
    const { checkpoint } = await files.changes!(open(), { part });
    await s3.send(new PutObjectCommand({ Bucket: 'acme-scratch', Key: 'a dir/new + file.txt', Body: 'x' }));
    const touched: string[] = [];
    for (let round = 0; round < 3; round++) {
      const page = await files.changes!(open(), { part, checkpoint });
      touched.push(...(page.touched ?? []).map((ref) => `${ref.part} ${ref.vendorId}`));
      if (page.receipt) await files.acknowledge!(open(), page.receipt);
    }
    expect(touched).toEqual(['acme-scratch acme-scratch/a dir/new + file.txt']);
    const [ref, gone] = ['acme-scratch/a dir/new + file.txt', 'acme-scratch/never'].map((vendorId) => ({
      kind: 'files' as const,
      vendorId,
    }));
    expect(await files.lookup!(open(), [ref!, gone!])).toMatchObject({
      records: [{ vendorId: ref!.vendorId, shares: [] }],
      absent: [gone],
      unknown: [],
    });
  });

  it('acts: read, apply, verified, once more without harm, undo to what was', async () => {
    const users = await all('users');
    const permissions = await all('permissions');
    const account = (login: string) =>
      users.find((record) => record.kind === 'accounts' && record.login === login)!.vendorId;
    const membership = users.find((record) => record.kind === 'memberships')!;
    const inline = users.find((record) => record.kind === 'privileges' && record.name === 'own')!;
    const { public: open1, versioned, unversioned, trashed } = filled.examples;
    const targets: [ActionName, Record<string, string>][] = [
      ['suspendUser', { accountId: account('user0001@example.com') }],
      ['revokeSessions', { accountId: account('user0002@example.com') }],
      ['removeFromGroup', { groupId: membership.groupId, accountId: membership.accountId }],
      ['removePrivilege', { privilegeId: inline.vendorId }],
      ['revokeAppPermission', { appPermissionId: filled.accessKeyIds[0]! }],
      [
        'revokeAppPermission',
        { appPermissionId: permissions.find(({ vendorId }) => vendorId.startsWith('trust/'))!.vendorId },
      ],
      ['removePublicAccess', { fileId: open1 }],
      ['removePublicAccess', { fileId: 'acme-website' }],
      ['quarantineFile', { fileId: open1 }],
      ['quarantineFile', { fileId: versioned }],
      ['quarantineFile', { fileId: unversioned }],
      ['quarantineFile', { fileId: trashed }],
      ['trashFile', { fileId: versioned }],
      ['restoreFile', { fileId: trashed }],
      ['overwriteFile', { fileId: versioned }],
    ];
    const lost: string[][] = [];
    for (const [name, target] of targets) {
      const action = aws.actions[name]!;
      const [reading, applying] = [open(), open()];
      const before = await action.read(reading, target as never);
      expect([name, before.done ?? false, before.plan.length > 0]).toEqual([name, false, true]);
      lost.push([name, ...(before.losesAccess?.map(({ who, how }) => `${who}: ${how}`) ?? [])]);
      const applied = await action.apply(applying, target as never, before.state);
      expectCost(`${name} ${Object.values(target).join()}`, applying.calls(), toldOf(before, reading.calls()));
      const again = await action.apply(open(), target as never, before.state);
      if (!('after' in applied) || !('after' in again)) throw new Error(`${name} is pending`);
      expect([name, action.verified(before.state, applied.after)]).toEqual([name, true]);
      expect([name, target, action.verified(before.state, again.after)]).toEqual([name, target, true]);
      if (action.repeat === 'readable')
        expect([name, target, (await action.read(open(), target as never)).done]).toEqual([name, target, true]);
      await action.undo!(open(), target as never, before.state, applied.after);
      await action.undo!(open(), target as never, before.state, applied.after);
      const restored = (await action.read(open(), target as never)).state;
      if (target.fileId === trashed && name === 'quarantineFile') continue;
      if (target.fileId === trashed) expect(restored).toMatchObject({ place: 'trashed' });
      else expect([name, restored]).toEqual([name, before.state]);
    }
    // Objects that are shared by nothing of their own: whom IAM lets in is not looked up.
    const told = lost.filter(([, ...who]) => who.length > 0);
    expect(told).toEqual([
      ['suspendUser', expect.stringMatching(/^user\d+@example.com: may do nothing in AWS/)],
      ['revokeSessions', expect.stringContaining('sessions begun before now end')],
      ['removeFromGroup', expect.stringContaining('what the group')],
      ['removePrivilege', expect.stringContaining('what the policy')],
      ['revokeAppPermission', expect.stringContaining(`the access key ${filled.accessKeyIds[0]!}`)],
      ['revokeAppPermission', expect.stringMatching(/: the role /)],
      ['removePublicAccess', expect.stringContaining('everybody: the ACL of')],
      ['removePublicAccess', 'everybody: what is public of acme-website'],
      ['quarantineFile', 'everybody: ACL grants READ to AllUsers'],
    ]);
  });

  it('takes a suspension back with exactly the keys that it switched off', async () => {
    const users = await all('users');
    const target = {
      accountId: users.find((record) => record.kind === 'accounts' && record.login === 'user0006@example.com')!
        .vendorId,
    };
    const suspend = aws.actions.suspendUser!;
    const before = await suspend.read(open(), target);
    expect(before.irreversible.length).toBe(1);
    await suspend.apply(open(), target, before.state);
    const ref = { kind: 'accounts' as const, vendorId: target.accountId };
    const [suspended] = (await stage('users').lookup!(open(), [ref])).records;
    expect(suspended).toMatchObject({ status: 'suspended' });
    const unsuspend = aws.actions.unsuspendUser!;
    const state = await unsuspend.read(open(), target);
    const applied = await unsuspend.apply(open(), target, state.state);
    expect('after' in applied && unsuspend.verified(state.state, applied.after)).toBe(true);
    expect('after' in applied && applied.after.keys).toEqual(before.state.keys);
  });

  it('refuses what must not be done, and says why', async () => {
    const users = await all('users');
    const castellan = users.find((record) => record.kind === 'accounts' && record.login === 'castellan')!;
    const ours = await failureOf(aws.actions.suspendUser!.read(open(), { accountId: castellan.vendorId }));
    expect([ours.kind, ours.message]).toEqual(['conflict', expect.stringContaining('Castellan itself')]);
    const unversioned = await failureOf(aws.actions.trashFile!.read(open(), { fileId: filled.examples.unversioned }));
    expect([unversioned.kind, unversioned.message]).toEqual(['conflict', expect.stringContaining('keeps no versions')]);
    const wide = await failureOf(
      aws.actions.removePublicAccess!.read(open(), {
        fileId: (await all('files')).find((record) => record.kind === 'files' && record.parentId === 'acme-website')!
          .vendorId,
      }),
    );
    expect([wide.kind, wide.details.remedy]).toEqual(['conflict', expect.stringContaining('acme-website')]);
  });
});

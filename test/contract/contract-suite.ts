import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actionNames, type ActionName } from '../../connectors/actions.ts';
import type { CallEvent } from '../../connectors/call.ts';
import type { ActionState, Connector, OpenOptions, Session, Stage } from '../../connectors/connector.ts';
import type { Page, Part } from '../../connectors/pages.ts';
import { Failure, type FailureKind } from '../../connectors/kit/failures.ts';
import { recordSchemas, stageNames, stageOf, type AnyRecord, type StageName } from '../../connectors/records.ts';
import { expectCost, toldOf } from '../support/expect-cost.ts';
import { createOpenGovernor } from '../support/open-governor.ts';
import { createOcsfValidator, sharedFolder } from './ocsf-validator.ts';
import type { RunningApp, Spoil } from './running-app.ts';

const roundTrip = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const idOf = (record: AnyRecord) => `${record.kind}/${record.vendorId}`;
const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('expected a failure'),
    (error: unknown) => error as Failure,
  );

/** What every connector promises the engine (design section 13). An app brings itself and a stand-in vendor. */
export function describeContract(connector: Connector, start: () => Promise<RunningApp>): void {
  describe(`${connector.title} keeps the contract`, { timeout: 60_000 }, () => {
    let app: RunningApp;
    const said: string[] = [];
    const events: CallEvent[] = [];
    beforeAll(async () => void (app = await start()), 60_000);
    afterAll(() => app.close());

    function open(overrides: Partial<OpenOptions> = {}): Session {
      return connector.open({
        connectionId: 'contract',
        settings: app.settings,
        credential: app.credential,
        credentialVersion: 1,
        governor: createOpenGovernor(),
        urgency: 'sweep',
        signal: new AbortController().signal,
        allowLocalOrigins: true,
        observe: (event) => events.push(event),
        partOf: app.partOf,
        ...overrides,
      });
    }
    const stages = stageNames.filter((name) => connector.stages[name]);
    const stage = (name: StageName) => connector.stages[name] as Stage<AnyRecord>;

    async function pages<R>(ask: (cursor: string | undefined) => Promise<Page<R>>, from?: string): Promise<Page<R>[]> {
      const all: Page<R>[] = [];
      for (let cursor = from, first = true; first || cursor !== undefined; first = false) {
        const page = await ask(cursor);
        expect(all.length).toBeLessThan(2000);
        if (page.next !== undefined) expect(page.next).not.toBe(cursor);
        all.push(page);
        cursor = page.next;
      }
      return all;
    }
    async function partsOf(name: StageName): Promise<Part[]> {
      const { parts } = stage(name);
      if (!parts) return [{ id: '', title: '' }];
      const session = open();
      const listed = await pages((cursor) => parts(session, { part: { id: '', title: '' }, cursor }));
      return listed.flatMap(({ records }) => records);
    }
    const range = { from: new Date(Date.now() - 30 * 86_400_000), until: new Date(Date.now() + 60_000) };
    const sweep = (name: StageName, part: Part, from?: string, session = open()) =>
      pages((cursor) => stage(name).sweep!(session, { part, cursor, ...(name === 'activities' ? range : {}) }), from);

    it('offers each capability, or says why not', () => {
      for (const name of [...stageNames, ...actionNames, 'push'] as const) {
        const offered =
          name === 'push'
            ? connector.push
            : (connector.stages[name as StageName] ?? connector.actions[name as ActionName]);
        expect([name, !!offered, typeof connector.absent[name]]).toEqual([
          name,
          !!offered,
          offered ? 'undefined' : 'string',
        ]);
        if (connector.partly[name] !== undefined) expect([name, !!offered]).toEqual([name, true]);
      }
    });

    it('verifies: the tenant, whose credential, what it may', async () => {
      const verified = await connector.verify(open());
      said.push(JSON.stringify(verified));
      expect(verified.tenant.id).toBeTruthy();
      expect(verified.principal.id).toBeTruthy();
      expect(verified.granted.length).toBeGreaterThan(0);
      for (const name of stages) expect([name, verified.probes[name]?.state]).toEqual([name, 'granted']);
      for (const name of actionNames) if (connector.actions[name]) expect(verified.probes[name]).toBeDefined();
    });

    it('says that a wrong credential is one', async () => {
      const failure = await failed(connector.verify(open({ credential: app.wrongCredential, credentialVersion: 2 })));
      expect(failure.kind).toBe('unauthorized');
    });

    it('reads every part of every stage to its end, and resumes from any cursor on a fresh session', async () => {
      const counts: Record<string, number> = {};
      const validate = sharedFolder('CASTELLAN_SPECS', 'specs');
      const problemsOf = validate ? createOcsfValidator(validate) : () => [];
      for (const name of stages)
        for (const part of await partsOf(name)) {
          const all = await sweep(name, part);
          const records = all.flatMap((page) => page.records);
          if (app.long.includes(`${name}/${part.id}`))
            expect([name, part.id, all.length >= 3]).toEqual([name, part.id, true]);
          expect(new Set(records.map(idOf)).size).toBe(records.length);
          for (const record of records) {
            const problem = recordSchemas[record.kind].safeParse(record).error?.issues[0];
            if (problem || stageOf[record.kind] !== name) expect({ record, problem }).toBe('a record of this stage');
            counts[record.kind] = (counts[record.kind] ?? 0) + 1;
            if (record.kind === 'activities') {
              const problems = problemsOf(record.event);
              if (problems.length > 0) expect({ record, problems }).toBe('valid OCSF');
            }
          }
          const step = Math.max(1, Math.floor(all.length / 4));
          for (let at = 0; at < all.length - 1; at += step) {
            const rest = await sweep(name, part, roundTrip(all[at]!.next));
            const expected = all.slice(at + 1).flatMap((page) => page.records.map(idOf));
            expect(rest.flatMap((page) => page.records.map(idOf))).toEqual(expected);
          }
        }
      expect(counts).toMatchObject(app.truth());
    });

    it('goes on over an empty page in the middle', async () => {
      const { stage: name, part: id, path } = app.spoilable;
      const part = { id, title: '' };
      const usual = (await sweep(name, part)).flatMap((page) => page.records.map(idOf));
      app.spoil({ kind: 'emptyMiddlePage' }, path);
      const held = await sweep(name, part);
      app.mend();
      expect(held.some((page) => page.records.length === 0 && page.next !== undefined)).toBe(true);
      expect(held.flatMap((page) => page.records.map(idOf))).toEqual(usual);
    });

    it('refuses a next link to elsewhere, and sends nothing there', async () => {
      const { stage: name, part: id, path } = app.spoilable;
      if (app.pagesByMarker) {
        const sent = events.length;
        expect((await sweep(name, { id, title: '' })).length).toBeGreaterThan(1);
        expect(events.slice(sent).map(({ failure }) => failure)).not.toContain('invalid');
        return;
      }
      // A port of this machine where nobody listens: a call would be `unavailable` by ECONNREFUSED.
      app.spoil({ kind: 'foreignNext', to: 'http://127.0.0.1:9' }, path);
      const before = events.length;
      const failure = await failed(sweep(name, { id, title: '' }));
      app.mend();
      expect([failure.kind, failure.message.includes('refused')]).toEqual(['unavailable', true]);
      expect(events.length).toBe(before + 1);
    });

    it.each<[Spoil, FailureKind]>([
      [{ kind: 'status', status: 401 }, 'unauthorized'],
      [{ kind: 'status', status: 403 }, 'forbidden'],
      [{ kind: 'status', status: 404 }, 'notFound'],
      [{ kind: 'status', status: 409 }, 'conflict'],
      [{ kind: 'status', status: 410 }, 'notFound'],
      [{ kind: 'status', status: 429 }, 'throttled'],
      [{ kind: 'status', status: 500 }, 'unavailable'],
      [{ kind: 'status', status: 503 }, 'unavailable'],
      [{ kind: 'torn' }, 'unavailable'],
      [{ kind: 'truncated' }, 'unavailable'],
      [{ kind: 'reset' }, 'unavailable'],
      [{ kind: 'html' }, 'unavailable'],
    ])('%j is %s', async (spoil, kind) => {
      const { stage: name, part: id, path } = app.spoilable;
      app.spoil(spoil, path);
      const failure = await failed(sweep(name, { id, title: '' }));
      app.mend();
      said.push(JSON.stringify([failure.message, failure.details]));
      expect(failure).toBeInstanceOf(Failure);
      expect(failure.kind).toBe((spoil.kind === 'status' && app.kinds?.[spoil.status]) || kind);
      expect(failure.details.evidence?.operation).toBeTruthy();
      if (kind === 'throttled') {
        expect(failure.details.retryAfterMs).toBeGreaterThan(0);
        expect(failure.details.bucket).toBeTruthy();
      }
    });

    it('follows changes: opens with a checkpoint only, yields what happened since, and goes on from there', async () => {
      for (const name of stages) {
        const { changes } = stage(name);
        if (!changes) continue;
        for (const part of await partsOf(name)) {
          const opened = await changes(open(), { part });
          expect([opened.records, opened.next, typeof opened.checkpoint]).toEqual([[], undefined, 'string']);
          const touched = app.change();
          const [ids, refs] = [new Set<string>(), new Set<string>()];
          let checkpoint = roundTrip(opened.checkpoint);
          for (let rounds = 0; rounds < 5; rounds++) {
            const page = await changes(open(), { part, checkpoint });
            for (const record of page.records) {
              expect(ids.has(idOf(record))).toBe(false);
              ids.add(idOf(record));
            }
            for (const ref of page.touched ?? []) refs.add(`${ref.kind}/${ref.vendorId}`);
            checkpoint = roundTrip(page.checkpoint);
          }
          expect(ids.size).toBeGreaterThan(0);
          expect(ids.size).toBeLessThan(50);
          expect([...refs]).toEqual(expect.arrayContaining(touched.map((ref) => `${ref.kind}/${ref.vendorId}`)));
        }
      }
    });

    it('looks up what is there as the sweep read it, and tells what is not', async () => {
      for (const name of stages) {
        const { lookup } = stage(name);
        if (!lookup) continue;
        for (const part of await partsOf(name)) {
          const [page] = (await sweep(name, part)).filter(({ records }) => records.length > 0);
          const known = (page?.records ?? []).slice(0, 5);
          const found = await lookup(
            open(),
            known.map(({ kind, vendorId }) => ({ kind, vendorId, part: part.id })),
          );
          expect([found.absent, found.unknown]).toEqual([[], []]);
          // Reading with a token is using it, which moves its own dates.
          const read = (record: AnyRecord) => ({ ...record, raw: 0, lastUsedAt: 0, expiresAt: 0 });
          expect(found.records.map(read)).toEqual(known.map(read));
        }
        const missing = app.missing.filter(({ kind }) => stageOf[kind] === name);
        expect(await lookup(open(), missing)).toMatchObject({ records: [], absent: missing, unknown: [] });
      }
    });

    it('lists what a folder holds as the sweep read it, and resumes from any cursor on a fresh session', async () => {
      const { children } = connector.stages.files ?? {};
      if (!children) return;
      const { stage: name, part } = app.spoilable;
      const swept = (await sweep(name, { id: part, title: '' })).flatMap(({ records }) => records);
      const files = swept.flatMap((record) => (record.kind === 'files' ? [record] : []));
      const by = new Map<string, number>();
      for (const { parentId } of files) if (parentId) by.set(parentId, (by.get(parentId) ?? 0) + 1);
      const [folder = ''] = [...by].sort(([, a], [, b]) => b - a)[0] ?? [];
      const record = files.find(({ vendorId }) => vendorId === folder)!;
      const recall: OpenOptions['recall'] = async (_kind, ids) =>
        new Map(ids.includes(folder) ? [[folder, { record, part, observedAt: new Date(), hash: '' }]] : []);
      const list = (from?: string) =>
        pages(async (cursor) => {
          const page = await children(open({ recall }), { kind: 'files', vendorId: folder }, cursor);
          expect(page.part).toBe(part);
          return page;
        }, from);
      const all = await list();
      expect(all.length).toBeGreaterThan(1);
      expect(all.flatMap(({ records }) => records)).toEqual(files.filter(({ parentId }) => parentId === folder));
      const rest = await list(roundTrip(all[0]!.next));
      expect(rest.flatMap(({ records }) => records.map(idOf))).toEqual(
        all.slice(1).flatMap(({ records }) => records.map(idOf)),
      );
      const unknown = await children(open(), {
        kind: 'files',
        vendorId: app.missing.find(({ kind }) => kind === 'files')!.vendorId,
      });
      expect([unknown.records, unknown.next]).toEqual([[], undefined]);
    });

    it('acts: read, apply, verified, once more without harm, undo', async () => {
      const targets = app.targets();
      expect(Object.keys(targets).sort()).toEqual(Object.keys(connector.actions).sort());
      for (const [name, target] of Object.entries(targets) as [ActionName, never][]) {
        const action = connector.actions[name]!;
        const [reading, applying] = [open(), open()];
        const before = roundTrip(await action.read(reading, target));
        expect([name, before.done ?? false]).toEqual([name, false]);
        expect(before.plan.length).toBeGreaterThan(0);
        const applied = await action.apply(applying, target, before.state);
        if (!('after' in applied)) throw new Error(`${name} is pending`);
        expectCost(name, applying.calls(), toldOf(before, reading.calls()));
        expect([name, action.verified(before.state, roundTrip(applied.after))]).toEqual([name, true]);
        const again = await action.apply(open(), target, before.state);
        expect([name, 'after' in again && action.verified(before.state, again.after)]).toEqual([name, true]);
        if (action.repeat === 'readable')
          expect([name, (await action.read(open(), target)).done]).toEqual([name, true]);
        if (!action.undo) {
          expect([name, before.irreversible.length > 0]).toEqual([name, true]);
          continue;
        }
        // Once more does no harm.
        for (let time = 0; time < 2; time += 1) {
          await action.undo(open(), target, before.state, applied.after);
          const present = roundTrip(await action.read(open(), target, before.state)).state;
          const restorable = action.restorable ?? ((state: ActionState) => state);
          expect([name, restorable(present)]).toEqual([name, restorable(before.state)]);
        }
      }
      said.push(JSON.stringify(targets));
    });

    it('is aborted with its session', async () => {
      const controller = new AbortController();
      controller.abort();
      const error = await failed(connector.verify(open({ signal: controller.signal })));
      expect(error.name).toBe('AbortError');
    });

    it('says no secret, anywhere', () => {
      const everything = said.join('\n') + JSON.stringify(events);
      expect(everything.length).toBeGreaterThan(500);
      for (const secret of app.secrets) expect(everything).not.toContain(secret);
    });
  });
}

import { randomUUID } from 'node:crypto';
import type { ActionName } from '../../connectors/actions.ts';
import type { ProcessOwner } from '../../local/processes.ts';
import type { KnobsPatch } from '../../simulators/okta/knobs.ts';
import type { Fault as VendorFault } from '../../simulators/kit/vendor-faults.ts';
import { pick, type Random } from '../../simulators/kit/seeded.ts';
import { startOktaTenant, type OktaTenant } from '../support/okta-tenant.ts';
import { presentOf } from './compare.ts';
import { createOktaApp, type OktaApp } from './okta-app.ts';
import { oktaChanges } from './okta-changes.ts';
import { misdoneAtOkta } from './okta-counts.ts';
import { oktaDifferences } from './okta-truth.ts';
import type { Errand, ForgedHook, Steps, Subject, Tenant } from './subject.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { unlessGone } from './unless-gone.ts';

/** What only faults of Okta's own know. */
export interface OktaWays {
  app: 'okta';
  control: OktaTenant['control'];
  service: OktaApp;
}
export type ProxiedOkta = Tenant & OktaWays;
export type OktaSubject = Omit<Subject, keyof OktaWays> & OktaWays;

/** Every call takes a moment, so that there is a middle for faults to strike in. */
const latencyMs = 8;
const users = '^/api/v1/users\\?';
const groups = '^/api/v1/groups';
const grants = '/grants';
const log = '^/api/v1/logs';
const logExpired: VendorFault = { kind: 'expired', status: 404, path: log, count: 1 };
/** So many rows a page that every list has several. */
const shortPage = 20;
/** From the first call on; a fault sets its clock, which can go forward only. */
const clockBehindMs = -600_000;

export async function startProxiedOkta(owner: ProcessOwner, logFolder: string, seed: number): Promise<ProxiedOkta> {
  const tenant = await startOktaTenant(owner, {
    logFolder,
    users: 100,
    groups: 8,
    events: 400,
    seed: 1 + (seed % 1000),
    knobs: { latencyMs, clockSkewMs: clockBehindMs },
  });
  const { control } = tenant;
  const service = await createOktaApp(tenant);
  const proxy = await new TcpProxy({ host: '127.0.0.1', port: Number(new URL(tenant.url).port) }).listen();
  const deleted = new Set<string>();
  let made = 0;
  const named = `of-actions-${seed}`;

  /** Never the first, the administrator. */
  async function everybody(...statuses: string[]): Promise<string[]> {
    const { users: all } = await control.truth({ only: ['users'] });
    const free = all!.slice(1).filter((user) => {
      const { login } = user['profile'] as { login: string };
      return !login.includes(named) && (statuses.length === 0 || statuses.includes(String(user['status'])));
    });
    return free.map(({ id }) => String(id));
  }
  const somebody = async (random: Random, ...statuses: string[]) => pick(random, await everybody(...statuses));

  const changes = oktaChanges(tenant, somebody);

  async function newUser(): Promise<string> {
    made += 1;
    return (await control.createUser({ profile: { login: `${named}-${made}@acme.test` } })).id;
  }
  const uponSomebody = async (action: ActionName): Promise<Errand> => ({
    action,
    target: { accountId: await newUser() },
  });

  return {
    app: 'okta',
    proxy,
    control,
    service,
    get body() {
      const settings = { ...tenant.body.settings, baseUrl: `http://${proxy.address}` };
      return { ...tenant.body, settings, credential: service.credential };
    },
    minted: () => service.minted(),
    asked: {
      lists: [users, groups, grants, log],
      listed: users,
      log,
      write: { method: 'POST', path: '/lifecycle/suspend' },
    },
    pages: {
      logExpired,
      repeated: [
        { kind: 'repeated', path: users, count: 2 },
        { kind: 'repeated', path: groups, count: 2 },
        { kind: 'heldBack', path: users, skip: 2, count: 1 },
        { kind: 'doubled', path: grants, count: 3 },
      ],
      expired: [
        { kind: 'expired', status: 404, path: users },
        { kind: 'expired', status: 400, path: groups },
        logExpired,
      ],
      looping: [
        { kind: 'loop', path: users, count: 3 },
        // Round over several pages, twice.
        { kind: 'loop', path: users, skip: 7, count: 1, back: 3 },
        { kind: 'loop', path: users, skip: 11, count: 1, back: 3 },
        { kind: 'loop', path: groups, count: 3 },
        { kind: 'loop', path: log, count: 2 },
      ],
    },
    pagesAreShort: async (so) => void (await control.knobs({ pageRows: so ? shortPage : 0 } satisfies KnobsPatch)),
    async log() {
      const { logs } = await control.truth({ only: ['logs'] });
      return { ids: logs!.uuids, held: logs!.held };
    },
    prepare: async () => {},
    change: (random) => unlessGone(pick(random, changes)(random)),
    async changeListed(random) {
      const active = await everybody('ACTIVE');
      for (let n = 0; n < 3; n += 1)
        await unlessGone(control.setStatus({ user: pick(random, active), status: 'SUSPENDED' }));
    },
    deleted,
    async deleteUser(random) {
      const user = await somebody(random);
      deleted.add(user);
      await control.deleteUser({ user });
    },
    async errand(random) {
      const action = pick(random, ['suspendUser', 'suspendUser', 'revokeSessions', 'requirePasswordReset'] as const);
      return { ...(await uponSomebody(action)), undo: action === 'suspendUser' && random() < 0.4 };
    },
    async steps(which): Promise<Steps> {
      const errand = await uponSomebody(which === 'plain' ? 'suspendUser' : 'requirePasswordReset');
      const user = `/api/v1/users/${errand.target['accountId']}`;
      return {
        ...errand,
        read: `GET ${user}`,
        write: `POST ${user}/lifecycle/${which === 'plain' ? 'suspend' : 'expire_password'}`,
        lastWrite: `DELETE ${user}/sessions`,
        undoWrite: `POST ${user}/lifecycle/unsuspend`,
        async written() {
          const { executed } = await control.counters();
          return (executed['suspend']?.[errand.target['accountId']!] ?? 0) > 0;
        },
      };
    },
    harmless: (of) => Promise.all(Array.from({ length: of }, () => uponSomebody('revokeSessions'))),
    async forged() {
      const target = (await everybody())
        .slice(0, 20)
        .map((id) => ({ id, type: 'User', alternateId: 'a', displayName: 'b' }));
      const outcome = { result: 'SUCCESS' };
      const event = { uuid: randomUUID(), eventType: 'user.lifecycle.delete.initiated', outcome, target };
      const body = JSON.stringify({ eventType: 'com.okta.event_hook', data: { events: [event] } });
      return ['', 'Bearer none', randomUUID()].map((authorization): ForgedHook => ({
        headers: { ...(authorization !== '' && { authorization }) },
        body,
      }));
    },
    async misdone(settled, disruptions) {
      return misdoneAtOkta(settled, (await control.counters()).executed, disruptions);
    },
    async differences(db, connectionId, how) {
      const strictly = how === 'strictly';
      const found = await oktaDifferences(db, connectionId, tenant, strictly ? new Set() : deleted);
      if (strictly && found.length === 0) deleted.clear();
      return found;
    },
    present: presentOf,
  };
}

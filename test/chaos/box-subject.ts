import { setTimeout as delay } from 'node:timers/promises';
import type { ActionName } from '../../connectors/actions.ts';
import type { ProcessOwner } from '../../local/processes.ts';
import type { Fault as VendorFault } from '../../simulators/kit/vendor-faults.ts';
import { pick } from '../../simulators/kit/seeded.ts';
import type { ItemTruth } from '../../simulators/box/truth.ts';
import { startBoxTenant, type BoxTenant } from '../support/box-tenant.ts';
import { createBoxApp } from './box-app.ts';
import { boxChanges, type BoxPeople } from './box-changes.ts';
import { misdoneAtBox, type MadeFile } from './box-counts.ts';
import { boxDifferences } from './box-truth.ts';
import { presentOf } from './compare.ts';
import { Missed } from './missed.ts';
import type { Errand, IsStored, Steps, Subject, Tenant } from './subject.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { unlessGone } from './unless-gone.ts';

/** Every call takes a moment, so that there is a middle for faults to strike in. */
const knobs = { latencyMs: 8, limitFactor: 100 };
const fill = {
  users: 6,
  coadmins: 1,
  externals: 4,
  groups: 4,
  items: 80,
  fileBytes: 200,
  links: 0.1,
  sharedFiles: 0.05,
  events: 300,
};
const webhookKeys = ['primary-key-1', 'secondary-key-1'];
const users = '^/2.0/users\\?';
const items = '^/2.0/folders/\\d+/items';
const collaborations = '/collaborations\\?';
const log = '^/2.0/events';
const logExpired: VendorFault = { kind: 'status', status: 400, path: `${log}.*streaming.*position=\\d\\d`, count: 1 };
/** More than the 200 of a first page. */
const listed = 230;
/** What actions are about lies in the first of these, and a list of several pages is that of the second. */
const apart = 'of actions';
/** Ready for the actions of a round; the last of them are for those that faults ask for. */
const ready = 40;
const ofFaults = 12;
const idOf = (fileId: string) => fileId.slice('file:'.length);
const storedWithinMs = 60_000;

/** What only faults of Box's own know. */
export interface BoxWays {
  app: 'box';
  control: BoxTenant['control'];
  /** A file that nobody else touches, and a folder of each of two owners that it may lie in. */
  wanderer: { file: string; folders: readonly [string, string] };
}
export type ProxiedBox = Tenant & BoxWays;
export type BoxSubject = Omit<Subject, keyof BoxWays> & BoxWays;

export async function startProxiedBox(owner: ProcessOwner, logFolder: string, seed: number): Promise<ProxiedBox> {
  const tenant = await startBoxTenant(owner, { logFolder, fill, seed: 1 + (seed % 1000), knobs });
  const { control } = tenant;
  const credential = await createBoxApp(tenant);
  const proxy = await new TcpProxy({ host: '127.0.0.1', port: Number(new URL(tenant.url).port) }).listen();
  const { users: all, groups } = await control.truth({ only: ['users', 'groups'] });
  const ids = (fits: (user: Record<string, unknown>) => boolean) => all!.filter(fits).map(({ id }) => String(id));
  const deleted = new Set<string>();
  const people: BoxPeople = {
    owners: ids(({ kind }) => kind === 'managed'),
    outside: ids(({ kind }) => kind === 'external'),
    groups: groups!.map(({ id }) => String(id)),
    newcomers: [],
    leavers: [],
    deleted,
  };
  const isUser = ({ kind, role, status }: Record<string, unknown>) =>
    kind === 'managed' && role === 'user' && status === 'active';
  const [holder, other] = ids(isUser) as [string, string];
  const folder = async (name: string, owner = holder) => (await control.createItem({ type: 'folder', name, owner })).id;
  const [parent, large] = [await folder(apart), await folder('large')];
  const changes = boxChanges(tenant, people, { apart, large });
  const below = async (parent: string) => (await control.createItem({ type: 'folder', name: 'between', parent })).id;
  const between = [await below(parent), await below(await folder(apart, other))] as const;
  const { id: wandering } = await control.createItem({
    ...{ type: 'file', name: 'wanderer.txt', parent: between[0], text: 'goes from part to part' },
  });
  const listing = await Promise.all(
    Array.from({ length: listed }, (_, n) =>
      control.createItem({ type: 'file', name: `file ${n}`, parent: large, size: 20 }),
    ),
  );
  const made = new Map<string, MadeFile>();
  const unused: string[] = [];
  let named = 0;

  /** A file for one action, open to everybody and to one who is invited. */
  async function makeFile(): Promise<void> {
    const { id } = await control.createItem({ type: 'file', name: `file ${(named += 1)}`, parent, text: 'secret' });
    const invited = people.outside[named % people.outside.length]!;
    await control.setLink({ id, link: { access: 'open' } });
    const collaboration = (await control.invite({ item: id, user: invited, role: 'viewer' })).id;
    made.set(`file:${id}`, { owner: holder, parent, invited, collaboration });
    unused.push(`file:${id}`);
  }
  async function newUser(): Promise<string> {
    const login = `of-actions-${(named += 1)}@acme.test`;
    return (await control.createUser({ name: login, login })).id;
  }
  async function bequeath(from: string, to: string): Promise<void> {
    const { items } = await control.truth({ only: ['items'] });
    for (const { id, owner, parent } of items!)
      if (owner === from && parent === '0') await unlessGone(control.move({ id, owner: to }));
  }
  /** One that a scan, or the log, has shown us: only so it is known who owns it. */
  async function storedFile(isStored: IsStored): Promise<string | undefined> {
    const fileId = unused.shift();
    if (fileId === undefined || (await isStored('files', fileId))) return fileId;
    unused.push(fileId);
    return undefined;
  }
  const revoking = async (): Promise<Errand> => ({ action: 'revokeSessions', target: { accountId: await newUser() } });

  return {
    app: 'box',
    proxy,
    control,
    body: {
      ...tenant.body,
      settings: { ...tenant.body.settings, baseUrl: `http://${proxy.address}`, callsPerMinute: 100_000 },
      credential: { ...credential, webhookKeys },
    },
    wanderer: { file: wandering, folders: between },
    minted: async () => (await control.counters()).calls['POST /oauth2/token'] ?? 0,
    asked: {
      lists: [users, items, collaborations, log],
      listed: `^/2.0/folders/${large}/items`,
      log,
      write: { method: 'PUT', path: '^/2.0/files/' },
    },
    pages: {
      logExpired,
      repeated: [
        { kind: 'repeated', path: `^/2.0/folders/${large}/items.*limit=200`, count: 2 },
        { kind: 'doubled', path: collaborations, count: 3 },
      ],
      expired: [
        { kind: 'expired', status: 400, path: `^/2.0/folders/${large}/items.*[?&]marker=`, count: 1 },
        logExpired,
      ],
      looping: [{ kind: 'loop', path: log, count: 2 }],
    },
    pagesAreShort: async () => {},
    async log() {
      const { events } = await control.truth({ only: ['events'] });
      return { ids: events!.ids, held: events!.held };
    },
    async prepare() {
      while (unused.length < ready) await makeFile();
    },
    change: (random) => unlessGone(pick(random, changes)(random)),
    async changeListed(random) {
      for (let n = 0; n < 3; n += 1) {
        const { id } = pick(random, listing);
        await unlessGone(control.rename({ id, name: `overtaken ${Math.floor(random() * 1e9)}` }));
      }
    },
    deleted,
    async deleteUser(random) {
      const among = random() < 0.5 ? people.newcomers : people.leavers;
      const user = among.splice(Math.floor(random() * among.length), 1)[0];
      if (user === undefined) return;
      deleted.add(user);
      // Box deletes nobody who still owns anything: it is given to somebody else, or goes with them by force.
      if (random() < 0.5) await bequeath(user, pick(random, people.owners));
      await control.deleteUser({ user });
    },
    async errand(random, isStored) {
      const actions: ActionName[] = ['quarantineFile', 'makePrivate', 'removeLink', 'trashFile'];
      const [action, undo] = [pick(random, actions), random() < 0.4];
      const fileId = unused.length > ofFaults ? await storedFile(isStored) : undefined;
      if (fileId === undefined) return { ...(await revoking()), undo: false };
      return { action, target: { fileId }, undo };
    },
    async steps(which, isStored): Promise<Steps> {
      let fileId: string | undefined;
      for (const until = Date.now() + storedWithinMs; fileId === undefined; await delay(50)) {
        if (Date.now() > until) throw new Missed();
        fileId = await storedFile(isStored);
      }
      const id = idOf(fileId);
      const path = `/2.0/files/${id}`;
      return {
        action: which === 'plain' ? 'makePrivate' : 'quarantineFile',
        target: { fileId },
        read: `GET ${path}?`,
        // The link goes first; into quarantine it goes last.
        write: which === 'plain' ? `PUT ${path}?` : `PUT ${path} `,
        lastWrite: `DELETE /2.0/collaborations/${made.get(fileId)!.collaboration}`,
        undoWrite: 'POST /2.0/collaborations',
        written: async () => (await control.item({ id }))?.collaborations.length === 0,
      };
    },
    harmless: (of) => Promise.all(Array.from({ length: of }, revoking)),
    async forged() {
      const source = { type: 'file', id: idOf([...made.keys()][0]!), owned_by: { id: holder } };
      const trigger = 'FILE.DELETED';
      const body = JSON.stringify({ type: 'webhook_event', id: 'forged', trigger, source, webhook: { id: '1' } });
      const signed = {
        'box-signature-version': '1',
        'box-signature-algorithm': 'HmacSHA256',
        'box-delivery-timestamp': new Date().toISOString(),
        'box-signature-primary': Buffer.alloc(32, 1).toString('base64'),
      };
      return [{}, signed, { ...signed, 'box-signature-version': '2' }].map((headers) => ({ headers, body }));
    },
    async misdone(settled, disruptions) {
      const found = new Map<string, ItemTruth | null>();
      for (const { target } of settled) {
        if (target['fileId'] === undefined) continue;
        const file = await control.item({ id: idOf(target['fileId']) });
        found.set(target['fileId'], file);
        if (file) found.set(`folder:${file.parent}`, await control.item({ id: file.parent }));
      }
      return misdoneAtBox(settled, made, found, (await control.counters()).executed, disruptions);
    },
    async differences(db, connectionId, how) {
      const strictly = how === 'strictly';
      const found = await boxDifferences(db, connectionId, tenant, strictly ? new Set() : deleted, how);
      if (strictly && found.length === 0) deleted.clear();
      return found;
    },
    present: presentOf,
  };
}

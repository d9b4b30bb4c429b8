import { box } from '../../connectors/box/index.ts';
import { createBoxSimulator } from '../../simulators/box/simulator.ts';
import type { BoxFault } from '../../simulators/box/faults.ts';
import { createHoldingProxy, credentialOf, ownerIn, quiet, settingsOf } from './box-enterprise.ts';
import { describeContract } from './contract-suite.ts';
import type { Spoil } from './running-app.ts';

describeContract(box, async () => {
  const clientSecret = 'canaryOfTheContractSuite00000000';
  const simulator = await createBoxSimulator({
    clientSecret,
    knobs: quiet,
    fill: { users: 30, groups: 230, items: 3_000, events: 2_600, eventDays: 20, devicePins: 5 },
  });
  const { control } = simulator;
  const proxy = await createHoldingProxy(simulator.url);
  const someone = (at: number) =>
    control.createUser({ login: `target${at}@acme.test`, name: `Target ${at}` } as never).id;
  const owner = someone(0);
  // A wide folder and a deep one in a tree of their own.
  const wide = control.createItem({ type: 'folder', name: 'wide', owner }).id;
  for (let at = 0; at < 450; at++) control.createItem({ type: 'file', name: `f${at}.txt`, parent: wide, size: 10 });
  for (let at = 0, parent = wide; at < 12; at++)
    parent = control.createItem({ type: 'folder', name: `d${at}`, parent }).id;
  control.createItem({ type: 'web_link', name: 'intranet', owner, url: 'https://intranet.acme.test' });
  const owners = new Map<string, string>();
  const present = ownerIn(simulator);
  let made = 0;
  const file = (text = 'content') => control.createItem({ type: 'file', name: `target${made++}.txt`, owner, text }).id;
  const shared = () => {
    const id = file();
    control.setLink({ id, link: { access: 'open' } });
    control.invite({ item: id, user: someone(100 + made), role: 'editor' });
    control.invite({ item: id, email: `guest${made}@partner.test`, role: 'viewer' });
    return id;
  };
  const faultOf = (spoil: Spoil): BoxFault | undefined => {
    if (spoil.kind === 'status') return { kind: 'status', status: spoil.status };
    if (spoil.kind === 'emptyMiddlePage' || spoil.kind === 'foreignNext') return undefined;
    return { kind: spoil.kind };
  };
  /** What is not below something in the trash, which no list of Box shows. */
  const reachable = () => {
    const items = new Map(control.truth({ only: ['items'] }).items!.map((item) => [item.id, item]));
    const below = (id: string): boolean => {
      const parent = items.get(items.get(id)!.parent);
      return parent !== undefined && (parent.trashed || below(parent.id));
    };
    return [...items.values()].filter(({ id }) => !below(id));
  };
  const usersOf = () => control.truth({ only: ['users'] }).users as { id: string; kind: string }[];
  return {
    settings: { ...settingsOf(simulator), baseUrl: proxy.url },
    credential: credentialOf(simulator),
    wrongCredential: credentialOf(simulator, { clientSecret: 'wrong' }),
    secrets: [clientSecret],
    long: ['users/groups', 'activities/', `files/${owner}`],
    kinds: { 404: 'forbidden', 409: 'unavailable' },
    pagesByMarker: true,
    async partOf(ref) {
      const known = owners.get(ref.vendorId) ?? (await present(ref));
      if (known !== undefined) owners.set(ref.vendorId, known);
      return known;
    },
    truth() {
      const inside = new Set(usersOf().flatMap(({ id, kind }) => (kind === 'external' ? [] : [id])));
      const { groups, memberships, devicePins } = control.truth({ only: ['groups', 'memberships', 'devicePins'] });
      return {
        accounts: inside.size,
        groups: groups!.length,
        memberships: memberships!.length,
        appPermissions: devicePins!.length,
        files: reachable().filter((item) => inside.has(item.owner)).length,
      };
    },
    spoilable: { stage: 'files', part: owner, path: '^/2.0/folders/\\d+/items\\?' },
    spoil(spoil, path) {
      const fault = faultOf(spoil);
      if (fault) control.faults({ add: [{ ...fault, path }] });
      else proxy.hold('^/2.0/folders/\\d+/items\\?.*marker=');
    },
    mend() {
      control.faults({ clear: true });
      proxy.release();
    },
    change() {
      const user = someone(1000 + made);
      const group = control.createGroup({ name: `changed ${made}` }).id;
      control.addMember({ group, user });
      const id = file();
      control.setLink({ id, link: { access: 'open' } });
      return [
        { kind: 'accounts', vendorId: user },
        { kind: 'memberships', vendorId: `${group}:${user}` },
        { kind: 'files', vendorId: `file:${id}` },
      ];
    },
    missing: [
      { kind: 'accounts', vendorId: '999' },
      { kind: 'groups', vendorId: '999' },
      { kind: 'memberships', vendorId: '999:998' },
      { kind: 'privileges', vendorId: 'role:999:coadmin' },
      { kind: 'appPermissions', vendorId: '999' },
      { kind: 'files', vendorId: 'file:999', part: owner },
      { kind: 'files', vendorId: 'folder:999', part: owner },
    ],
    targets() {
      const group = control.createGroup({ name: 'acted upon' }).id;
      const member = someone(1);
      control.addMember({ group, user: member });
      const off = someone(2);
      control.updateUser({ user: off, status: 'inactive' });
      const coadmin = someone(3);
      control.updateUser({ user: coadmin, role: 'coadmin' });
      const trashed = file();
      control.trash({ id: trashed });
      const versioned = shared();
      control.addVersion({ id: versioned, text: 'second' });
      const pin = (control.truth({ only: ['devicePins'] }).devicePins as { id: string }[])[0]!.id;
      const target = (id: string) => ({ fileId: `file:${id}` });
      return {
        suspendUser: { accountId: someone(4) },
        unsuspendUser: { accountId: off },
        revokeSessions: { accountId: someone(5) },
        removeFromGroup: { groupId: group, accountId: member },
        removePrivilege: { privilegeId: `role:${coadmin}:coadmin` },
        revokeAppPermission: { appPermissionId: pin },
        removePublicAccess: target(shared()),
        quarantineFile: target(shared()),
        trashFile: target(shared()),
        restoreFile: target(trashed),
        overwriteFile: target(versioned),
        removeCollaborator: { ...target(shared()), shareTo: `guest${made}@partner.test` },
        removeExternalAccess: target(shared()),
        restrictLink: target(shared()),
        removeLink: target(shared()),
        makePrivate: target(shared()),
      };
    },
    async close() {
      await proxy.close();
      await simulator.close();
    },
  };
});

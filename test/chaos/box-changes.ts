import { pick, type Random } from '../../simulators/kit/seeded.ts';
import type { CollabRole, LinkAccess } from '../../simulators/box/objects.ts';
import type { ItemTruth } from '../../simulators/box/truth.ts';
import type { BoxTenant } from '../support/box-tenant.ts';

type Change = (random: Random) => Promise<unknown>;

export interface BoxPeople {
  /** Who had something from the beginning. */
  owners: readonly string[];
  outside: readonly string[];
  groups: string[];
  /** Who came since. */
  newcomers: string[];
  /** Who came since with files of their own. */
  leavers: string[];
  /** Users and groups that were deleted. */
  deleted: Set<string>;
}

const roles: readonly CollabRole[] = ['editor', 'viewer', 'previewer', 'viewer uploader', 'co-owner'];
const accesses: readonly LinkAccess[] = ['open', 'company', 'collaborators'];
/** The whole enterprise is read so often. */
const lookEvery = 10;
const leastGroups = 4;

/**
 * What people do with their files all day. Nothing of the folder named `apart`, nor of what Castellan keeps; the folder
 * `large`, by its id, stays where it is with all that is in it: its list has more than one page.
 */
export function boxChanges(
  { control }: Pick<BoxTenant, 'control'>,
  people: BoxPeople,
  { apart, large }: { apart: string; large: string },
): readonly Change[] {
  let items: readonly ItemTruth[] = [];
  let looked = 0;
  const fresh = (random: Random) => Math.floor(random() * 1e9).toString(36);

  async function all(): Promise<readonly ItemTruth[]> {
    if (looked % lookEvery === 0) {
      const known = new Map((await control.truth({ only: ['items'] })).items!.map((item) => [item.id, item]));
      const above = (item: ItemTruth): ItemTruth[] => {
        const parent = known.get(item.parent);
        return parent ? [parent, ...above(parent)] : [];
      };
      const owners = new Set(people.owners);
      items = [...known.values()].filter(
        (item) =>
          owners.has(item.owner) &&
          item.name !== apart &&
          above(item).every(({ name, trashed }) => name !== apart && !trashed),
      );
    }
    looked += 1;
    return items;
  }
  const some = async (random: Random, fits: (item: ItemTruth) => boolean): Promise<string> => {
    const free = (await all()).filter(fits);
    if (free.length === 0) throw new Error('no such item now');
    return pick(random, free).id;
  };
  const there = ({ trashed }: ItemTruth) => !trashed;
  const file = (item: ItemTruth) => there(item) && item.type === 'file';
  const looseFile = (item: ItemTruth) => file(item) && item.parent !== large;
  const folder = (item: ItemTruth) => there(item) && item.type === 'folder';
  const somebody = (random: Random, id: string) => ({ item: id, role: pick(random, roles) });
  const loose = (item: ItemTruth) => folder(item) && item.id !== large;
  /** What lies in it is elsewhere, or nowhere, from now on. */
  const looksAnew = async (change: unknown) => {
    await change;
    looked = 0;
  };

  return [
    async (random) =>
      control.createItem({
        type: random() < 0.8 ? 'file' : 'folder',
        name: `new ${fresh(random)}`,
        ...(random() < 0.7 ? { parent: await some(random, folder) } : { owner: pick(random, people.owners) }),
        text: fresh(random),
      }),
    async (random) => control.rename({ id: await some(random, file), name: `renamed ${fresh(random)}.txt` }),
    async (random) => control.rename({ id: await some(random, folder), name: `renamed ${fresh(random)}` }),
    async (random) => control.addVersion({ id: await some(random, file), text: fresh(random) }),
    // Into another folder, whoever owns it; or out of all.
    async (random) => {
      const id = await some(random, looseFile);
      const to = random() < 0.7 ? { parent: await some(random, folder) } : { owner: pick(random, people.owners) };
      await control.move({ id, ...to });
    },
    async (random) => {
      const id = await some(random, loose);
      const to = random() < 0.5 ? { parent: await some(random, folder) } : { owner: pick(random, people.owners) };
      await looksAnew(control.move({ id, ...to }));
    },
    async (random) => control.trash({ id: await some(random, looseFile) }),
    async (random) => looksAnew(control.trash({ id: await some(random, loose) })),
    async (random) =>
      looksAnew(control.restore({ id: await some(random, ({ trashed, type }) => trashed && type === 'folder') })),
    async (random) => control.restore({ id: await some(random, ({ trashed, type }) => trashed && type === 'file') }),
    async (random) => control.purge({ id: await some(random, ({ trashed, type }) => trashed && type === 'file') }),
    async (random) =>
      control.setLink({
        id: await some(random, there),
        link: { access: pick(random, accesses), canDownload: random() < 0.5 },
      }),
    async (random) =>
      control.setLink({
        id: await some(random, (item) => there(item) && item.link?.access === 'company'),
        link: { access: 'collaborators' },
      }),
    async (random) => control.setLink({ id: await some(random, ({ link }) => link !== null), link: null }),
    async (random) =>
      control.invite({
        ...somebody(random, await some(random, random() < 0.5 ? file : folder)),
        user: pick(random, [...people.owners, ...people.outside]),
      }),
    async (random) =>
      control.invite({ ...somebody(random, await some(random, folder)), group: pick(random, people.groups) }),
    async (random) =>
      control.invite({ ...somebody(random, await some(random, file)), email: `${fresh(random)}@nowhere.test` }),
    async (random) => {
      const shared = (await all()).filter((item) => there(item) && item.collaborations.length > 0);
      if (shared.length === 0) return;
      const { id } = pick(random, pick(random, shared).collaborations);
      if (random() < 0.5) await control.removeCollaboration({ id });
      else await control.updateCollaboration({ id, role: pick(random, roles) });
    },
    async (random) => {
      const login = `new-${fresh(random)}@acme.test`;
      people.newcomers.push((await control.createUser({ name: login, login })).id);
    },
    async (random) => {
      const login = `owner-${fresh(random)}@acme.test`;
      const { id: owner } = await control.createUser({ name: login, login });
      const parent = (await control.createItem({ type: 'folder', name: `of ${login}`, owner })).id;
      await control.createItem({ type: 'file', name: 'inside.txt', parent, text: fresh(random) });
      const name = `beside ${login}.txt`;
      const beside = (await control.createItem({ type: 'file', name, owner, text: fresh(random) })).id;
      await control.invite({ ...somebody(random, beside), user: pick(random, people.owners) });
      people.leavers.push(owner);
    },
    // Of those who have nothing yet: the vendor shows a name with all that somebody owns, and tells nobody of that.
    async (random) => {
      if (people.newcomers.length === 0) return;
      await control.updateUser({ user: pick(random, people.newcomers), name: `Renamed ${fresh(random)}` });
    },
    async (random) =>
      control.addMember({
        group: pick(random, people.groups),
        user: pick(random, [...people.owners, ...people.newcomers]),
        role: random() < 0.2 ? 'admin' : 'member',
      }),
    async (random) => {
      const { memberships } = await control.truth({ only: ['memberships'] });
      if (memberships!.length === 0) return;
      const { groupId, userId } = pick(random, memberships!);
      await control.removeMember({ group: groupId, user: userId });
    },
    // With its memberships, and with all that was shared with it, of which nothing else tells.
    async (random) => {
      people.groups.push((await control.createGroup({ name: `group ${fresh(random)}` })).id);
      if (people.groups.length <= leastGroups) return;
      const group = people.groups.splice(Math.floor(random() * people.groups.length), 1)[0]!;
      people.deleted.add(group);
      await looksAnew(control.deleteGroup({ group }));
    },
    async (random) => {
      if (people.newcomers.length === 0) return;
      await control.updateUser({
        user: pick(random, people.newcomers),
        ...(random() < 0.5
          ? { status: pick(random, ['active', 'inactive'] as const) }
          : { role: pick(random, ['user', 'coadmin'] as const) }),
      });
    },
  ];
}

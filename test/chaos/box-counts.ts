import type { ItemTruth } from '../../simulators/box/truth.ts';
import type { Executed, Settled } from './subject.ts';

/** As it was made for an action: a link for everybody, one who is invited. */
export interface MadeFile {
  owner: string;
  parent: string;
  invited: string;
  collaboration: string;
}

interface Done {
  owns: boolean;
  trashed: boolean;
  link: boolean;
  people: boolean;
}
/** What is left of a file when it is done. */
const left: Record<string, Done> = {
  quarantineFile: { owns: false, trashed: false, link: false, people: false },
  makePrivate: { owns: true, trashed: false, link: false, people: false },
  removeLink: { owns: true, trashed: false, link: false, people: true },
  trashFile: { owns: true, trashed: true, link: false, people: true },
};
const asMade: Done = { owns: true, trashed: false, link: true, people: true };

/** How a file is, and how often it was changed by the vendor's count. */
function misdoneFile(
  { id, action, undo, state, target }: Settled,
  made: MadeFile,
  is: ItemTruth | null,
  folder: ItemTruth | null,
  executed: Executed,
): string[] {
  const name = `action ${id} (${action})`;
  if (!is) return [`${name}: ${target['fileId']} is gone for ever`];
  const file = is.id;
  const most = (what: string, of: string, count: number) => {
    const times = executed[what]?.[of] ?? 0;
    return times > count ? [`${name}: the vendor did "${what}" ${times} times, not ${count} at most`] : [];
  };
  const once = undo ? 2 : 1;
  const counts = [
    ...most('trash', file, 1),
    ...most('restore', file, undo ? 1 : 0),
    ...most('move', file, once),
    ...most('removeLink', file, 1),
    ...most('removeCollaboration', made.collaboration, 1),
    // One was made with the file.
    ...most('createLink', file, once),
  ];
  const wanted = state === 'undone' ? asMade : state === 'done' ? left[action] : undefined;
  if (!wanted) return counts;
  const people = is.collaborations.map(({ grantee, role }) => `${grantee?.id} ${role}`);
  const found: Done = {
    owns: is.owner === made.owner && is.parent === made.parent,
    trashed: is.trashed,
    link: is.link?.access === 'open',
    people: people.length === 1 && people[0] === `${made.invited} viewer`,
  };
  const wrong = Object.entries(found).filter(([what, so]) => so !== wanted[what as keyof Done]);
  // For the time of the move its owner is let in there.
  const letIn = state === 'done' && !wanted.owns && folder?.collaborations.length !== 0;
  const some = !wanted.people && people.length > 0 ? [`${name}: ${people.join(', ')} still gets in`] : [];
  return [
    ...counts,
    ...some,
    ...(letIn ? [`${name}: somebody was left in its place in quarantine`] : []),
    ...wrong.map(([what, so]) => `${name}, ${state}: "${what}" is ${so}`),
  ];
}

export function misdoneAtBox(
  settled: readonly Settled[],
  made: ReadonlyMap<string, MadeFile>,
  items: ReadonlyMap<string, ItemTruth | null>,
  executed: Executed,
  disruptions: number,
): string[] {
  return settled.flatMap((one) => {
    const { fileId = '', accountId = '' } = one.target;
    const file = made.get(fileId);
    const is = items.get(fileId) ?? null;
    if (file) return misdoneFile(one, file, is, items.get(`folder:${is?.parent}`) ?? null, executed);
    const times = executed['terminateSessions']?.[accountId] ?? 0;
    const [least, most] = [one.state === 'done' ? one.alike : 0, one.alike + disruptions];
    return times < least || times > most
      ? [`action ${one.id} (${one.action}): sessions were ended ${times} times, not ${least} to ${most}`]
      : [];
  });
}

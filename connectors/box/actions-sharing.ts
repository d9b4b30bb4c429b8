import type { ActionTarget } from '../actions.ts';
import type { Action, Before } from '../connector.ts';
import {
  callsToRead,
  inheritedAccess,
  mustBeThere,
  reach,
  stateOf,
  touchesOf,
  unseen,
  type FileTarget,
  type ItemState,
  type Reached,
} from './item-state.ts';
import { restoreSharing } from './restore-sharing.ts';
import type { BoxSession, Settings } from './settings.ts';
import { counted, lookBelow, unseenOf } from './shared-below.ts';
import {
  callsToEnd,
  losing,
  lostWith,
  names,
  removeCollaborations,
  removeLinkOf,
  restrictLinkOf,
  tightenLink,
  type CollaborationState,
  type LinkState,
  type SharingState,
} from './sharing-state.ts';

/** With whom it ends is kept in the state: `verified` sees no target. */
export type SharedState = ItemState & { shareTo?: string };

/** What goes of a state. */
interface Ending {
  collaborations: (state: SharingState & Pick<SharedState, 'shareTo'>) => CollaborationState[];
  /** `tightens` what lets in everybody, `restricts` to who is invited what lets in anybody else. */
  link: 'keeps' | 'tightens' | 'restricts' | 'goes';
}

const nobody = () => [];
const endings = {
  removePublicAccess: { collaborations: nobody, link: 'tightens' },
  restrictLink: { collaborations: nobody, link: 'restricts' },
  removeLink: { collaborations: nobody, link: 'goes' },
  removeExternalAccess: {
    collaborations: ({ collaborations }) => collaborations.filter(({ external }) => external),
    link: 'tightens',
  },
  makePrivate: { collaborations: ({ collaborations }) => collaborations, link: 'goes' },
  removeCollaborator: {
    collaborations: ({ collaborations, shareTo = '' }) =>
      collaborations.filter(({ to, who, grantee }) =>
        [to.toLowerCase(), who.toLowerCase(), grantee.slice(grantee.indexOf(':') + 1)].includes(shareTo.toLowerCase()),
      ),
    link: 'keeps',
  },
} satisfies Record<string, Ending>;

const endsLink: Record<Ending['link'], (link: LinkState) => boolean> = {
  keeps: () => false,
  tightens: ({ access }) => access === 'open',
  restricts: ({ access }) => access !== 'collaborators',
  goes: () => true,
};

function left(
  state: Parameters<Ending['collaborations']>[0],
  ending: Ending,
): { people: CollaborationState[]; link: boolean } {
  return {
    people: ending.collaborations(state),
    link: state.link !== null && endsLink[ending.link](state.link),
  };
}

function planOf(state: SharedState, ending: Ending): string[] {
  const { people, link } = left(state, ending);
  const plan: string[] = [];
  if (people.length > 0)
    plan.push(
      `Remove ${people.length} collaboration${people.length > 1 ? 's' : ''} of ${state.name} (DELETE /collaborations/{id}). ` +
        `They lose access: ${names(people)}.`,
    );
  if (link && ending.link === 'goes')
    plan.push(`Remove the shared link (${state.link!.access}): whoever got in by it alone loses access.`);
  if (link && ending.link === 'tightens')
    plan.push(
      'Set the shared link to the company, or to invited people where the enterprise has no company links: ' +
        'whoever is not signed in to the enterprise loses access. The address stays.',
    );
  if (link && ending.link === 'restricts')
    plan.push(
      `Set the shared link (${state.link!.access}) to invited people: whoever got in by it alone loses access. ` +
        'The address stays.',
    );
  return plan.length > 0 ? plan : [`Nothing is to be done on ${state.name}.`];
}

/** What the action would take from an item in the folder too, and does not. */
async function staysBelow({ base, owner, item }: Reached, state: SharedState, ending: Ending): Promise<string[]> {
  if (item?.type !== 'folder') return [];
  const { shared, unseen } = await lookBelow(base, owner, item);
  const open = shared
    .map((each) => ({ each, ...left({ ...each, shareTo: state.shareTo }, ending) }))
    .filter(({ people, link }) => people.length > 0 || link)
    .map(({ each, people, link }) => ({ ...each, collaborations: people, link: link ? each.link : null }));
  return [
    ...(open.length > 0 ? [`Stays open below: ${counted(open)}. Act on those to change it.`] : []),
    ...unseenOf(unseen),
  ];
}

function sharingAction<T extends FileTarget>(ending: Ending): Action<T, SharedState, Settings> {
  const read = async (base: BoxSession, target: T, ownerId?: string) => {
    const reached = await reach(base, target, ownerId);
    const { shareTo } = target as { shareTo?: string };
    return { reached, state: { ...(await stateOf(reached)), ...(shareTo === undefined ? {} : { shareTo }) } };
  };
  const apply = async (base: BoxSession, target: T, { ownerId }: SharedState): Promise<SharedState> => {
    const { reached, state } = await read(base, target, ownerId);
    mustBeThere(state);
    const { people, link } = left(state, ending);
    // The widest first.
    if (link && ending.link === 'goes') await removeLinkOf(reached.owner, reached.item!);
    else if (link && ending.link === 'restricts') await restrictLinkOf(reached.owner, reached.item!);
    else if (link) await tightenLink(reached.owner, reached.item!);
    await removeCollaborations(reached.owner, reached.item!, people);
    return (await read(base, target, ownerId)).state;
  };
  return {
    repeat: 'readable',
    async read(base, target, before): Promise<Before<SharedState>> {
      const { reached, state } = await read(base, target);
      if (before && state.place === 'gone') throw await unseen(reached.owner, before);
      mustBeThere(state);
      const { people, link } = left(state, ending);
      // What stays is for the plan alone, and it costs.
      const began = base.calls();
      const stays = before ? [] : [...(await inheritedAccess(reached)), ...(await staysBelow(reached, state, ending))];
      const once = base.calls() - began;
      return {
        state,
        done: people.length === 0 && !link,
        plan: [...planOf(state, ending), ...stays],
        irreversible: lostWith(
          { link: state.link, collaborations: people },
          { link: link && ending.link === 'goes', tightened: link && ending.link !== 'goes' },
        ),
        losesAccess: losing(people, link ? state.link : null),
        calls: 2 * callsToRead(reached, state) + callsToEnd({ link: link ? state.link : null, collaborations: people }),
        once,
        touches: touchesOf(target, state.ownerId),
      };
    },
    apply: async (base, target, before) => ({ after: await apply(base, target, before) }),
    async undo(base, target, before) {
      const { reached, state } = await read(base, target, before.ownerId);
      if (state.place === 'gone') throw await unseen(reached.owner, before);
      mustBeThere(state);
      return restoreSharing(base, reached.owner, reached.item!, before);
    },
    // In the trash, or gone: nobody is let in there.
    standsWhen: ['conflict', 'notFound'],
    verified(_, after) {
      const { people, link } = left(after, ending);
      return people.length === 0 && !link;
    },
  };
}

export const removePublicAccess = sharingAction<FileTarget>(endings.removePublicAccess);
export const restrictLink = sharingAction<FileTarget>(endings.restrictLink);
export const removeLink = sharingAction<FileTarget>(endings.removeLink);
export const removeExternalAccess = sharingAction<FileTarget>(endings.removeExternalAccess);
export const makePrivate = sharingAction<FileTarget>(endings.makePrivate);
export const removeCollaborator = sharingAction<ActionTarget<'removeCollaborator'>>(endings.removeCollaborator);

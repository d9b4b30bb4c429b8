import { describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import type { ItemTruth } from '../../simulators/box/truth.ts';
import { misdoneAtBox, type MadeFile } from './box-counts.ts';
import type { Executed, Settled } from './subject.ts';

const made: MadeFile = { owner: 'u1', parent: '10', invited: 'u9', collaboration: 'c1' };
const viewer = { id: 'c1', grantee: { type: 'user', id: 'u9' }, inviteEmail: null, role: 'viewer', status: 'accepted' };
const file = (is: object): ItemTruth =>
  ({
    id: '7',
    owner: 'u1',
    parent: '10',
    trashed: false,
    link: { access: 'open' },
    collaborations: [viewer],
    ...is,
  }) as never;
const quarantined = { owner: 'us', parent: '90', link: null, collaborations: [] };
const settled = (action: ActionName, state: string, more: Partial<Settled> = {}): Settled => ({
  ...{ id: 'act_1', action, state, undo: false, alike: 1, target: { fileId: 'file:7' } },
  ...more,
});
function misdone(one: Settled, is: ItemTruth | null, executed: Executed = {}, inPlace = 0): string[] {
  const folder = { collaborations: Array.from({ length: inPlace }, () => viewer) } as never;
  const items = new Map<string, ItemTruth | null>([['file:7', is]]);
  if (is) items.set(`folder:${is.parent}`, folder);
  return misdoneAtBox([one], new Map([['file:7', made]]), items, executed, 0);
}

describe('what Box has done of an action', () => {
  it('is what was asked, once', () => {
    const once = { move: { '7': 1 }, removeLink: { '7': 1 }, removeCollaboration: { c1: 1 }, createLink: { '7': 1 } };
    expect(misdone(settled('quarantineFile', 'done'), file(quarantined), once)).toEqual([]);
    expect(misdone(settled('quarantineFile', 'undone', { undo: true }), file({}), { move: { '7': 2 } })).toEqual([]);
  });

  it.each([
    ['move', '7'],
    ['removeLink', '7'],
    ['removeCollaboration', 'c1'],
  ])('is told when "%s" was done once too often', (what, of) => {
    const executed = { [what]: { [of]: 2 } };
    expect(misdone(settled('quarantineFile', 'done'), file(quarantined), executed)).toEqual([
      `action act_1 (quarantineFile): the vendor did "${what}" 2 times, not 1 at most`,
    ]);
  });

  it('is told when it was not done, done in part, or left somebody in', () => {
    expect(misdone(settled('quarantineFile', 'done'), file({}))).toEqual(
      expect.arrayContaining([
        expect.stringContaining('u9 viewer still gets in'),
        expect.stringContaining('"owns" is true'),
      ]),
    );
    expect(misdone(settled('makePrivate', 'done'), file({ link: null }))).toEqual([
      'action act_1 (makePrivate): u9 viewer still gets in',
      'action act_1 (makePrivate), done: "people" is true',
    ]);
    expect(misdone(settled('quarantineFile', 'done'), file(quarantined), {}, 1)).toEqual([
      expect.stringContaining('left in its place in quarantine'),
    ]);
    expect(misdone(settled('removeLink', 'done'), null)).toEqual([expect.stringContaining('gone for ever')]);
  });

  it('is told when it was not taken back', () => {
    expect(misdone(settled('removeLink', 'undone', { undo: true }), file({ link: null }))).toEqual([
      'action act_1 (removeLink), undone: "link" is false',
    ]);
  });

  it('may be repeated where it does no harm, as often as an answer may be lost', () => {
    const one = settled('revokeSessions', 'done', { target: { accountId: 'u2' } });
    const times = (count: number, disruptions: number) =>
      misdoneAtBox([one], new Map(), new Map(), { terminateSessions: { u2: count } }, disruptions);
    expect([times(1, 0), times(2, 1)]).toEqual([[], []]);
    expect([times(0, 0), times(2, 0), times(3, 1)].map(({ length }) => length)).toEqual([1, 1, 1]);
  });
});

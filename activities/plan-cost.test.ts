import { beforeAll, expect, it } from 'vitest';
import type { ActionName } from '../connectors/actions.ts';
import { expectCost } from '../test/support/expect-cost.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
let guest: string;
let person: string;
let count = 0;

beforeAll(() => {
  const users = box.simulator.control.truth({ only: ['users'] }).users as { id: string; kind: string }[];
  guest = users.find(({ kind }) => kind === 'external')!.id;
  person = users.find(({ kind, id }) => kind === 'managed' && id !== box.owner)!.id;
});

/** By the vendor's own count; tokens aside. */
const calls = () =>
  Object.entries(box.simulator.control.counters().calls).reduce(
    (sum, [operation, times]) => (operation.includes('token') ? sum : sum + times),
    0,
  );

function placed(type: 'file' | 'folder', depth: number): string {
  const { control } = box.simulator;
  count += 1;
  let parent: string | undefined;
  for (let at = 0; at < depth; at += 1) {
    const place = parent === undefined ? { owner: box.owner } : { parent };
    parent = control.createItem({ type: 'folder', name: `level ${at} of ${count}`, ...place } as never).id;
    control.invite({ item: parent, user: person, role: 'viewer' });
  }
  const place = parent === undefined ? { owner: box.owner } : { parent };
  const id = control.createItem({ type, name: `${type} ${count}`, ...place, text: 'x' } as never).id;
  control.invite({ item: id, user: guest, role: 'editor' });
  control.setLink({ id, link: { access: 'open' } });
  if (type === 'file') control.addVersion({ id, text: 'second' });
  else {
    const inner = control.createItem({ type: 'folder', name: 'inner', parent: id }).id;
    for (let at = 0; at < 4; at += 1) {
      const deep = control.createItem({ type: 'file', name: `deep ${at}`, parent: inner, text: 'x' }).id;
      control.invite({ item: deep, user: guest, role: 'viewer' });
      control.setLink({ id: deep, link: { access: 'open' } });
    }
  }
  return id;
}

const actions: ActionName[] = [
  ...(['removePublicAccess', 'restrictLink', 'removeLink', 'removeExternalAccess', 'makePrivate'] as const),
  ...(['removeCollaborator', 'trashFile', 'restoreFile', 'quarantineFile'] as const),
];
const cases = [
  ...[0, 5].flatMap((depth) => [
    ...[...actions, 'overwriteFile' as const].map((action) => ['file' as const, depth, action] as const),
    ...actions.map((action) => ['folder' as const, depth, action] as const),
  ]),
];

it.each(cases)(
  'of a %s below %i folders, %s is applied at the cost that its plan told',
  async (type, depth, action) => {
    const { control } = box.simulator;
    const id = placed(type, depth);
    if (action === 'restoreFile') control.trash({ id, user: box.owner });
    await box.scan();
    const target = { fileId: `${type}:${id}`, ...(action === 'removeCollaborator' ? { shareTo: guest } : {}) };
    const { _id } = await box.ask(action, target, { mode: 'plan' });
    await box.lane();
    const before = calls();
    await box.store.actions.acceptPlan(_id, 'a governor');
    await box.lane();
    const done = await box.get(_id);
    expect([done.state, done.verified]).toEqual(['done', true]);
    expectCost(action, calls() - before, done.calls!);
  },
);

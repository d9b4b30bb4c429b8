import { expect, it } from 'vitest';

import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

it('tells what an undo did not give back, and does not call that verified', async () => {
  const { control } = box.simulator;
  const { id } = control.createItem({ type: 'file', name: 'plan', owner: box.owner, text: 'x' });
  const gone = control.createUser({ login: 'gone@acme.test', name: 'Gone' } as never).id;
  const guest = control.createUser({ login: 'guest@partner.test', name: 'Guest', kind: 'external' } as never).id;
  control.invite({ item: id, user: gone, role: 'editor' });
  control.invite({ item: id, user: guest, role: 'viewer' });
  control.setLink({ id, link: { access: 'open' } });
  await box.scan();
  const { _id } = await box.ask('makePrivate', { fileId: `file:${id}` });
  await box.lane();
  expect((await box.get(_id)).state).toBe('done');
  control.deleteUser({ user: gone });

  await box.store.actions.requestUndo(_id, { by: 'a governor', reason: 'mistake', accept: false });
  await box.lane();
  const { state, undo, problem } = await box.get(_id);
  expect([state, undo?.verified, problem]).toEqual(['undone', false, undefined]);
  expect(undo?.notRestored).toEqual([
    expect.stringMatching(/^gone@acme.test \(editor\) did not get access back: POST \/collaborations answered 404/),
    'guest@partner.test has to accept the invitation again',
    'collaborations: no more gone@acme.test (editor)',
    'collaborations guest@partner.test (viewer).status: was "accepted", is "pending"',
  ]);
  expect(control.item({ id })!.link).toMatchObject({ access: 'open' });
});

it('is verified, with nothing missing, when the content is as it was under a new version', async () => {
  const { control } = box.simulator;
  const { id } = control.createItem({ type: 'file', name: 'content', owner: box.owner, text: 'x' });
  await box.scan();
  const { _id } = await box.ask('overwriteFile', { fileId: `file:${id}` });
  await box.lane();
  await box.store.actions.requestUndo(_id, { by: 'a governor', reason: 'mistake', accept: false });
  await box.lane();
  const document = await box.get(_id);
  expect([document.state, document.undo?.verified, document.undo?.notRestored]).toEqual(['undone', true, []]);
});

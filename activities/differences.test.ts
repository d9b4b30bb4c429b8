import { expect, it } from 'vitest';
import { differences } from './differences.ts';

it('tells which of a list are gone, which are new, and how one of the same name differs', () => {
  const guest = { who: 'guest@partner.test', role: 'viewer', status: 'accepted' };
  const was = { link: { access: 'open' }, people: [guest, { who: 'a', role: 'editor' }] };
  const is = {
    link: { access: 'company' },
    people: [
      { ...guest, status: 'pending' },
      { who: 'b', role: 'editor' },
    ],
  };
  expect(differences(was, is)).toEqual([
    'link.access: was "open", is "company"',
    'people: no more a (editor)',
    'people: new b (editor)',
    'people guest@partner.test (viewer).status: was "accepted", is "pending"',
  ]);
  expect(differences(was, { ...was, people: [...was.people].reverse() })).toEqual([]);
});

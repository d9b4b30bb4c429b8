import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Caller } from './caller.ts';
import { createBoxSimulator } from './simulator.ts';
import type { BoxSimulator } from './simulator.ts';

let box: BoxSimulator;
let caller: Caller;
let owner: string;
let folder: string;
let file: string;

beforeEach(async () => {
  box = await createBoxSimulator({ seed: 9, knobs: { requestsPerWindow: 100_000 } });
  caller = new Caller(box);
  await caller.signIn();
  owner = box.control.createUser({ name: 'Owner', login: 'owner@acme.test' }).id;
  folder = box.control.createItem({ type: 'folder', name: 'Plans', owner }).id;
  file = box.control.createItem({ type: 'file', name: 'plan.txt', parent: folder, text: 'one' }).id;
});
afterEach(() => box.close());

const share = async (path: string, shared_link: object, headers = {}) =>
  (await caller.ask('PUT', path, { body: { shared_link }, as: owner, headers })).status;
const linkOf = (id: string) => box.control.item({ id })!.link;

describe('a link', () => {
  it('has a password only while it is open', async () => {
    const password = 'eight-or-more';
    expect(await share(`/files/${file}`, { access: 'company', password })).toBe(400);
    expect(linkOf(file)).toBeNull();
    expect(await share(`/files/${file}`, { access: 'open', password })).toBe(200);
    expect(await share(`/files/${file}`, { access: 'company' })).toBe(200);
    expect(linkOf(file)).toMatchObject({ access: 'company', password: null });
    expect(await share(`/files/${file}`, { password })).toBe(400);
  });

  it('lets only a file be edited', async () => {
    const editable = { access: 'open', permissions: { can_edit: true } };
    expect(await share(`/folders/${folder}`, editable)).toBe(400);
    expect(await share(`/folders/${folder}`, { access: 'open', permissions: { can_edit: false } })).toBe(200);
    expect(await share(`/files/${file}`, editable)).toBe(200);
  });

  it('for collaborators only has no rights of its own', async () => {
    const permissions = { can_download: false };
    expect(await share(`/files/${file}`, { access: 'collaborators', permissions })).toBe(400);
    expect(linkOf(file)).toBeNull();
    expect(await share(`/files/${file}`, { access: 'collaborators' })).toBe(200);
    expect(await share(`/files/${file}`, { permissions })).toBe(400);
    expect(await share(`/files/${file}`, { access: 'open', permissions })).toBe(200);
  });

  it('has a vanity name of at least 12 characters', async () => {
    expect(await share(`/files/${file}`, { access: 'open', vanity_name: 'elevenchars' })).toBe(400);
    expect(await share(`/files/${file}`, { access: 'open', vanity_name: 'twelve-chars' })).toBe(200);
  });

  it('of what is in a folder may get lost in the trash', async () => {
    for (const linksBelowTrash of ['kept', 'lost'] as const) {
      box.control.knobs({ linksBelowTrash });
      box.control.setLink({ id: file, link: { access: 'open' } });
      box.control.trash({ id: folder });
      box.control.restore({ id: folder });
      expect(linkOf(file) !== null).toBe(linksBelowTrash === 'kept');
    }
  });
});

it('what was thrown away before its folder was purged stays in the trash, and comes back elsewhere', async () => {
  box.control.trash({ id: file });
  box.control.purge({ id: folder });
  expect(box.control.item({ id: folder })).toBeNull();
  const back = (parent: string) =>
    caller.ask('POST', `/files/${file}`, { as: owner, body: { parent: { id: parent } } });
  expect((await back(folder)).status).toBe(404);
  expect((await back('0')).status).toBe(201);
  expect(box.control.item({ id: file })).toMatchObject({ trashed: false, parent: '0', owner });
});

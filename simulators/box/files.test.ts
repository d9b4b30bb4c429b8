import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Caller } from './caller.ts';
import { createBoxSimulator } from './simulator.ts';
import type { BoxSimulator } from './simulator.ts';

let box: BoxSimulator;
let caller: Caller;
let owner: string;
let other: string;
let folder: string;
let file: string;

beforeEach(async () => {
  box = await createBoxSimulator({ seed: 9, knobs: { requestsPerWindow: 100_000 } });
  caller = new Caller(box);
  await caller.signIn();
  owner = box.control.createUser({ name: 'Owner', login: 'owner@acme.test' }).id;
  other = box.control.createUser({ name: 'Other', login: 'other@acme.test' }).id;
  folder = box.control.createItem({ type: 'folder', name: 'Plans', owner }).id;
  file = box.control.createItem({ type: 'file', name: 'plan.txt', parent: folder, text: 'version one' }).id;
});
afterEach(() => box.close());

const put = (path: string, body: unknown, as = owner, headers: Record<string, string> = {}) =>
  caller.ask('PUT', path, { body, as, headers });
const names = async (path: string, as: string) => (await caller.get(path, as)).body.entries?.map((one) => one.name);

describe('the tree', () => {
  it('shows every filled item once in its owner’s tree, page by page', async () => {
    const filled = await createBoxSimulator({
      seed: 4,
      knobs: { requestsPerWindow: 100_000 },
      fill: { users: 8, items: 900, events: 0 },
    });
    const reader = new Caller(filled);
    await reader.signIn();
    const seen: string[] = [];
    for (const user of filled.state.users.rows.filter((one) => one.kind === 'managed')) {
      for (const queue = ['0']; queue.length > 0;) {
        const path = `/folders/${queue.pop()}/items?usemarker=true&limit=3&fields=type,owned_by,path_collection`;
        for (const one of await reader.all(path, user.id)) {
          if ((one.owned_by as { id: string }).id !== user.id) continue;
          seen.push(String(one.id));
          if (one.type === 'folder') queue.push(String(one.id));
        }
      }
    }
    const truth = filled.control.truth({ only: ['items', 'users'] });
    const managed = new Set(truth.users?.filter((user) => user.kind === 'managed').map((user) => user.id));
    const dead = new Set(truth.items?.filter((one) => one.trashed).map((one) => one.id));
    for (const one of truth.items ?? []) if (dead.has(one.parent)) dead.add(one.id);
    const live = truth.items?.filter((one) => managed.has(one.owner) && !dead.has(one.id)).map((one) => one.id);
    expect(seen.toSorted()).toEqual(live?.toSorted());
    expect(new Set(seen).size).toBe(seen.length);
    await filled.close();
  });

  it('is shared into the roots of collaborators, with the rights of the role', async () => {
    expect((await caller.get(`/files/${file}`, other)).status).toBe(404);
    const { id } = box.control.invite({ item: folder, user: other, role: 'previewer' });
    expect(await names('/folders/0/items?usemarker=true', other)).toEqual(['Plans']);
    const seen = (
      await caller.get(`/files/${file}?fields=path_collection,owned_by,permissions,has_collaborations`, other)
    ).body;
    expect(seen).toMatchObject({
      owned_by: { id: owner },
      has_collaborations: true,
      permissions: { can_download: false, can_preview: true, can_delete: false },
      path_collection: { total_count: 2 },
    });
    expect((await caller.get(`/files/${file}/content`, other)).status).toBe(403);
    expect((await put(`/files/${file}`, { name: 'mine.txt' }, other)).status).toBe(403);
    expect((await put(`/collaborations/${id}`, { role: 'editor' })).body.role).toBe('editor');
    expect((await put(`/files/${file}`, { name: 'ours.txt' }, other)).status).toBe(200);
    expect((await caller.ask('DELETE', `/folders/${folder}?recursive=true`, { as: other })).status).toBe(403);
    expect((await put(`/collaborations/${id}`, { role: 'owner' })).status).toBe(204);
    expect(box.control.item({ id: file })?.owner).toBe(other);
    expect((await caller.get(`/collaborations/${id}`, owner)).status).toBe(404);
    expect(box.control.item({ id: folder })?.collaborations).toMatchObject([
      { grantee: { id: owner }, role: 'editor' },
    ]);
  });

  it('invites groups and outsiders, refuses twice the same, and ends a share at its time', async () => {
    const group = box.control.createGroup({ name: 'Team' }).id;
    box.control.addMember({ group, user: other });
    const invite = (accessible_by: unknown, more = {}) =>
      caller.ask('POST', '/collaborations', {
        as: owner,
        body: { item: { type: 'folder', id: folder }, accessible_by, role: 'viewer', ...more },
      });
    expect((await invite({ type: 'group', id: group })).body).toMatchObject({ status: 'accepted' });
    expect((await invite({ type: 'group', id: group })).body.code).toBe('user_already_collaborator');
    expect((await caller.get(`/files/${file}`, other)).status).toBe(200);
    const outsider = (await invite({ type: 'user', login: 'someone@else.test' })).body;
    expect(outsider).toMatchObject({ status: 'pending', accessible_by: null, invite_email: 'someone@else.test' });
    box.control.removeMember({ group, user: other });
    const soon = Date.now() + 5_000;
    const text = new Date(Math.ceil(soon / 1_000) * 1_000).toISOString();
    expect((await invite({ type: 'user', id: other }, { expires_at: text })).status).toBe(201);
    expect((await caller.get(`/files/${file}`, other)).status).toBe(200);
    box.control.knobs({ clockSkewMs: 60_000 });
    expect((await caller.get(`/files/${file}`, other)).status).toBe(404);
    const inherited = (await caller.get(`/files/${file}/collaborations`, owner)).body.entries;
    expect(inherited?.map((one) => (one.item as { id: string }).id)).toEqual([folder, folder]);
    expect((await caller.get(`/folders/${folder}/collaborations?limit=1`, owner)).body.next_marker).toEqual(
      expect.any(String),
    );
  });
});

describe('links', () => {
  it('have a level, an end, a password and permissions, and are gone after the trash', async () => {
    const link = {
      access: 'open',
      password: 'eight-or-more',
      unshared_at: '2099-05-01T00:00:00-07:00',
      permissions: { can_download: false },
    };
    const said = (await put(`/files/${file}?fields=shared_link`, { shared_link: link })).body.shared_link;
    expect(said).toMatchObject({
      access: 'open',
      effective_access: 'open',
      effective_permission: 'can_preview',
      is_password_enabled: true,
      download_url: null,
      unshared_at: '2099-05-01T00:00:00-07:00',
      permissions: { can_download: false, can_preview: true },
    });
    const url = (said as { url: string }).url;
    const boxapi = `shared_link=${url}`;
    expect((await caller.ask('GET', '/shared_items', { as: other, headers: { boxapi } })).status).toBe(403);
    const known = { boxapi: `${boxapi}&shared_link_password=eight-or-more` };
    expect((await caller.ask('GET', `/files/${file}`, { as: other, headers: known })).body.id).toBe(file);
    box.control.knobs({ widestLink: 'company' });
    expect((await put(`/folders/${folder}`, { shared_link: { access: 'open' } })).status).toBe(403);
    const now = (await caller.get(`/files/${file}?fields=shared_link`, owner)).body.shared_link;
    expect(now).toMatchObject({ access: 'open', effective_access: 'company' });
    expect((await caller.ask('DELETE', `/files/${file}`, { as: owner })).status).toBe(204);
    const restored = await caller.ask('POST', `/files/${file}`, { as: owner });
    expect([restored.status, restored.body.shared_link, restored.body.item_status]).toEqual([201, null, 'active']);
    const types = box.control.truth({ only: ['events'] }).events?.types;
    expect(types).toMatchObject({ SHARE: 1, DELETE: 1, UNDELETE: 1 });
  });

  it('end at their time, and a viewer may not change them', async () => {
    box.control.setLink({ id: file, link: { access: 'open', unsharedAt: Date.now() + 5_000 } });
    box.control.invite({ item: folder, user: other, role: 'viewer' });
    expect((await put(`/files/${file}`, { shared_link: null }, other)).status).toBe(403);
    box.control.knobs({ clockSkewMs: 10_000 });
    expect((await caller.get(`/files/${file}?fields=shared_link`, owner)).body.shared_link).toBeNull();
  });
});

describe('trash', () => {
  it('hides what is below a trashed folder, restores as a whole, and empties itself', async () => {
    expect((await caller.ask('DELETE', `/folders/${folder}`, { as: owner })).body.code).toBe('folder_not_empty');
    expect((await caller.ask('DELETE', `/folders/${folder}?recursive=true`, { as: owner })).status).toBe(204);
    expect((await caller.get(`/files/${file}`, owner)).status).toBe(404);
    expect((await caller.get(`/files/${file}/trash`, owner)).status).toBe(404);
    expect(await names('/folders/trash/items?usemarker=true', owner)).toEqual(['Plans']);
    expect(await names('/folders/trash/items?usemarker=true', other)).toEqual([]);
    box.control.createItem({ type: 'folder', name: 'plans', owner });
    expect((await caller.ask('POST', `/folders/${folder}`, { as: owner })).body.code).toBe('item_name_in_use');
    const renamed = await caller.ask('POST', `/folders/${folder}`, { as: owner, body: { name: 'Plans again' } });
    expect([renamed.status, renamed.body.name]).toEqual([201, 'Plans again']);
    expect((await caller.ask('POST', `/files/${file}`, { as: owner })).body.code).toBe('not_trashed');
    box.control.trash({ id: file });
    box.control.knobs({ clockSkewMs: 31 * 86_400_000, accessTokenMs: 40 * 86_400_000 });
    await caller.signIn();
    expect((await caller.get(`/files/${file}/trash`, owner)).status).toBe(404);
    expect(box.control.item({ id: file })).toBeNull();
  });

  it('is skipped where the enterprise has none', async () => {
    box.control.knobs({ trash: false });
    expect((await caller.ask('DELETE', `/files/${file}`, { as: owner })).status).toBe(204);
    expect(box.control.item({ id: file })).toBeNull();
  });
});

describe('content', () => {
  const fetchContent = async (query = '', headers: Record<string, string> = {}) => {
    const said = await caller.get(`/files/${file}/content${query}`, owner);
    expect(said.status).toBe(302);
    const location = said.headers.get('location') as string;
    return { location, response: await fetch(location, { headers }) };
  };

  it('comes from another host, whole or in part, and takes no credential there', async () => {
    const { location, response } = await fetchContent();
    expect(new URL(location).origin).toBe(box.downloadUrl);
    expect(await response.text()).toBe('version one');
    const part = (await fetchContent('', { range: 'bytes=8-20' })).response;
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 8-10/11', 'one']);
    expect((await fetchContent('', { range: 'bytes=50-' })).response.status).toBe(416);
    expect((await fetchContent('', { authorization: `Bearer ${caller.token}` })).response.status).toBe(400);
    expect(box.control.counters().leakedCredentials).toBe(1);
    box.control.knobs({ clockSkewMs: 3_000_000 });
    expect((await fetch(location)).status).toBe(404);
    box.control.knobs({ notReadyMs: 9_000_000 });
    expect((await caller.get(`/files/${file}/content`, owner)).status).toBe(202);
  });

  it('keeps older versions, promotes and deletes them, and guards by etag', async () => {
    const etag = String((await caller.get(`/files/${file}`, owner)).body.etag);
    const send = (headers: Record<string, string>) =>
      caller.upload(`/files/${file}/content`, { name: 'plan.txt' }, 'version two', { as: owner, headers });
    expect((await send({ 'if-match': etag })).status).toBe(200);
    expect((await send({ 'if-match': etag })).status).toBe(412);
    expect((await send({ 'content-md5': '0'.repeat(40) })).body.code).toBe('bad_digest');
    const late = await caller.upload(`/files/${file}/content`, { name: 'plan.txt' }, 'x', {
      as: owner,
      fileFirst: true,
    });
    expect(late.body.code).toBe('metadata_after_file_contents');
    const older = (await caller.get(`/files/${file}/versions`, owner)).body.entries ?? [];
    expect(older).toHaveLength(1);
    const id = String(older[0]?.id);
    expect(await (await fetchContent(`?version=${id}`)).response.text()).toBe('version one');
    const promoted = await caller.ask('POST', `/files/${file}/versions/current`, {
      as: owner,
      body: { type: 'file_version', id },
    });
    expect(promoted.status).toBe(201);
    expect(await (await fetchContent()).response.text()).toBe('version one');
    expect((await caller.ask('DELETE', `/files/${file}/versions/${id}`, { as: owner })).status).toBe(204);
    expect((await caller.get(`/files/${file}/content?version=${id}`, owner)).status).toBe(404);
    expect((await put(`/files/${file}`, { description: 'x' }, owner, { 'if-match': etag })).status).toBe(412);
  });

  it('belongs to the owner of the folder that it is moved to', async () => {
    const place = box.control.createItem({ type: 'folder', name: 'Quarantine', owner: other }).id;
    expect((await put(`/files/${file}`, { parent: { id: place } })).status).toBe(404);
    box.control.invite({ item: place, user: owner, role: 'editor' });
    expect((await put(`/files/${file}`, { parent: { id: place } })).body.owned_by).toMatchObject({ id: other });
    expect(box.control.item({ id: file })).toMatchObject({ parent: place, owner: other });
    expect(await names(`/folders/${folder}/items`, owner)).toEqual([]);
    expect((await put(`/files/${file}`, { lock: { access: 'lock' } }, other)).status).toBe(200);
    expect((await put(`/files/${file}`, { name: 'x.txt' })).body.code).toBe('access_denied_item_locked');
  });
});

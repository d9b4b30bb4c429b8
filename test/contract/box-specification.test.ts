import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import { box } from '../../connectors/box/index.ts';
import type { Session, Stage, Subscribed } from '../../connectors/connector.ts';
import type { Page } from '../../connectors/pages.ts';
import { stageNames, type AnyRecord, type FileRecord } from '../../connectors/records.ts';
import { createHoldingProxy, credentialOf, startEnterprise, type SentRequest } from './box-enterprise.ts';
import { sharedFolder } from './ocsf-validator.ts';

interface Operation {
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: object }> };
}
interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: object;
}

/** OpenAPI 3.0 says `nullable`; JSON Schema wants null among the allowed. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (name === 'nullable' ? [] : [[name, plain(inner)]])),
  );
  return (value as { nullable?: boolean }).nullable ? { anyOf: [{ type: 'null' }, kept] } : kept;
}

/** What is wrong with a request under Box's API description. Its variants of one path (`#update_shared_link`) count. */
function createRequestCheck(folder: string): (sent: SentRequest) => string[] {
  const description = JSON.parse(readFileSync(`${folder}/box.json`, 'utf8')) as Description;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'box', ...(plain({ components: description.components }) as object) });
  const refs = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replaceAll('"#/', '"box#/'));
  const templates = Object.keys(description.paths).sort((a, b) => a.split('{').length - b.split('{').length);
  return ({ method, path, query, body, form }) => {
    const operations = templates.filter((one) => {
      const pattern = one.split('#')[0]!.replace(/\{[^}]+\}/g, '[^/]+');
      return new RegExp(`^${pattern}$`).test(path) && description.paths[one]![method.toLowerCase()];
    });
    if (operations.length === 0) return [`${method} ${path} is not described`];
    const first = operations[0]!.split('#')[0];
    const problems = operations
      .filter((one) => one.split('#')[0] === first)
      .map((one) => {
        const { parameters = [], requestBody } = description.paths[one]![method.toLowerCase()]!;
        const known = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
        const found = query.filter((name) => !known.includes(name)).map((name) => `${method} ${one} has no ${name}`);
        const given = form ?? body;
        const schema = requestBody?.content[form ? 'multipart/form-data' : 'application/json']?.schema;
        if (given !== undefined && !schema) found.push(`${method} ${one} takes no body`);
        if (schema && given !== undefined) {
          const validate = ajv.compile(refs(plain(schema)) as object);
          if (!validate(given)) found.push(`${method} ${one}: ${ajv.errorsText(validate.errors)}`);
        }
        return found;
      });
    return problems.find((found) => found.length === 0) ? [] : problems[0]!;
  };
}

const folder = sharedFolder('CASTELLAN_SPECS', 'specs');
if (!folder)
  console.warn('the API descriptions are not beside the project (CASTELLAN_SPECS): requests were not checked');

it.runIf(folder)('every request is one that Box describes', { timeout: 60_000 }, async () => {
  const enterprise = await startEnterprise({
    allowHttpHooks: true,
    fill: { users: 6, groups: 3, items: 150, events: 20, devicePins: 2 },
  });
  const { simulator } = enterprise;
  const proxy = await createHoldingProxy(simulator.url);
  const uploads = await createHoldingProxy(simulator.uploadUrl);
  const { control } = simulator;
  try {
    const credential = credentialOf(simulator, { webhookKeys: ['key-1'] });
    const session = enterprise.open({ credential }, { baseUrl: proxy.url, uploadUrl: uploads.url });
    await box.verify(session);
    for (const name of stageNames) await readAll(box.stages[name] as Stage<AnyRecord>, session);
    let made = 0;
    const file = (trashed = false) => {
      const id = control.createItem({ type: 'file', name: `f${(made += 1)}`, owner: enterprise.owner, text: 'a' }).id;
      control.addVersion({ id, text: 'b' });
      control.setLink({
        id,
        link: { access: 'open', password: 'made-up-password', unsharedAt: Date.now() + 90_000_000 },
      });
      control.invite({ item: id, email: 'guest@nowhere.test', role: 'viewer', expiresAt: Date.now() + 90_000_000 });
      if (trashed) control.trash({ id });
      return { fileId: `file:${id}` };
    };
    const ref = { kind: 'files' as const, vendorId: file().fileId, part: enterprise.owner };
    const { records } = await box.stages.files!.lookup!(session, [ref]);
    const { stream } = await box.content!(session, records[0] as FileRecord, { maxBytes: 1000 });
    stream.destroy();
    expect(proxy.sent.at(-1)).toMatchObject({
      path: expect.stringMatching(/^\/files\/\d+\/content$/),
      query: ['version'],
    });
    const holding = control.createItem({ type: 'folder', name: 'shared below', owner: enterprise.owner }).id;
    const inside = control.createItem({ type: 'file', name: 'shared', parent: holding, text: 'a' }).id;
    control.setLink({ id: inside, link: { access: 'open' } });
    control.invite({ item: inside, email: 'guest@nowhere.test', role: 'viewer' });
    const someone = () => control.createUser({ login: `x${(made += 1)}@acme.test`, name: 'X' }).id;
    const [member, coadmin, off] = [someone(), someone(), someone()];
    const group = control.createGroup({ name: 'acted upon' }).id;
    control.addMember({ group, user: member });
    control.updateUser({ user: coadmin, role: 'coadmin' });
    control.updateUser({ user: off, status: 'inactive' });
    const [pin] = control.truth({ only: ['devicePins'] }).devicePins as { id: string }[];
    const bookmark = control.createItem({
      type: 'web_link',
      name: 'b',
      owner: enterprise.owner,
      url: 'https://b.test',
    }).id;
    control.setLink({ id: bookmark, link: { access: 'open' } });
    const thrownAway = control.createItem({ type: 'folder', name: 'thrown away', owner: enterprise.owner }).id;
    control.createItem({ type: 'file', name: 'in it', parent: thrownAway, text: 'a' });
    const targets: [ActionName, object][] = [
      ['trashFile', { fileId: `folder:${thrownAway}` }],
      ['unsuspendUser', { accountId: off }],
      ['removeFromGroup', { groupId: group, accountId: member }],
      ['removePrivilege', { privilegeId: `role:${coadmin}:coadmin` }],
      ['revokeAppPermission', { appPermissionId: pin!.id }],
      ['removeExternalAccess', file()],
      ['restrictLink', file()],
      ['removeLink', file()],
      ['removeLink', { fileId: `web_link:${bookmark}` }],
      ['quarantineFile', { fileId: `folder:${holding}` }],
      ['suspendUser', { accountId: control.createUser({ login: 'x@acme.test', name: 'X' } as never).id }],
      ['revokeSessions', { accountId: enterprise.owner }],
      ['removePublicAccess', file()],
      ['makePrivate', file()],
      ['removeCollaborator', { ...file(), shareTo: 'guest@nowhere.test' }],
      ['trashFile', file()],
      ['restoreFile', file(true)],
      ['overwriteFile', file()],
      ['quarantineFile', file()],
    ];
    for (const [name, target] of targets) {
      const action = box.actions[name]!;
      const before = await action.read(session, target as never);
      const applied = await action.apply(session, target as never, before.state);
      if ('after' in applied) await action.undo?.(session, target as never, before.state, applied.after);
    }
    expect(new Set(targets.map(([name]) => name))).toEqual(new Set(Object.keys(box.actions)));
    await box.membersAmong!(session, group, [member]);
    await pushed(session);
    const check = createRequestCheck(folder!);
    const bad = { method: 'POST', path: '/files/1/content', query: [], form: { file: 'no attributes' } };
    expect(check(bad)).toEqual([expect.stringContaining('attributes')]);
    expect(check({ method: 'GET', path: '/users', query: ['bogus'] })).toEqual(['GET /users has no bogus']);
    expect(check({ method: 'PUT', path: '/users/1', query: [], body: { status: 'asleep' } })).toHaveLength(1);
    expect(check({ method: 'GET', path: '/nothing', query: [] })).toEqual(['GET /nothing is not described']);
    const sent = [...proxy.sent, ...uploads.sent].filter(({ path }) => !path.startsWith('/oauth2/'));
    expect(uploads.sent.map(({ form }) => Object.keys(form ?? {}))).toEqual([['attributes', 'file']]);
    for (const operation of ['POST /webhooks', 'GET /webhooks/0', 'PUT /webhooks/0', 'DELETE /webhooks/0'])
      expect(sent.map(({ method, path }) => `${method} ${path.replace(/\d+/g, '0')}`)).toContain(operation);
    expect(new Set(sent.map(({ method, path }) => `${method} ${path.replace(/\d+/g, '0')}`)).size).toBeGreaterThan(30);
    expect([...new Set(sent.flatMap(check))]).toEqual([]);
  } finally {
    await Promise.all([proxy.close(), uploads.close()]);
    await enterprise.close();
  }
});

/** Subscribed, looked through again, given another address, and ended. */
async function pushed(session: Session): Promise<void> {
  const to = (name: string) => `http://127.0.0.1:9/${name}/box`;
  let at: Subscribed | undefined;
  for (const url of [to('one'), to('one'), to('other')])
    do {
      const reached = await box.push!.subscribe(session, { url, secret: 'unused', known: at });
      at = { ...reached, url: reached.next === undefined ? url : (at?.url ?? '') };
    } while (at.next !== undefined);
  await box.push!.unsubscribe(session, at!);
}

async function readAll(stage: Stage<AnyRecord>, session: Session): Promise<void> {
  const parts = stage.parts
    ? (await stage.parts(session, { part: { id: '', title: '' } })).records
    : [{ id: '', title: '' }];
  for (const part of parts) {
    const refs: { kind: AnyRecord['kind']; vendorId: string; part: string }[] = [];
    let cursor: string | undefined;
    do {
      const page: Page<AnyRecord> = await stage.sweep!(session, { part, cursor });
      refs.push(...page.records.map(({ kind, vendorId }) => ({ kind, vendorId, part: part.id })));
      cursor = page.next;
    } while (cursor !== undefined);
    await stage.lookup?.(session, refs.slice(0, 20));
    if (stage.changes) await stage.changes(session, { part });
  }
}

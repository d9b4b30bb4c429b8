import { readFileSync } from 'node:fs';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PushRequest } from '../../connectors/push-request.ts';
import type { Session, Stage } from '../../connectors/connector.ts';
import type { Page } from '../../connectors/pages.ts';
import { okta } from '../../connectors/okta/index.ts';
import type { AnyRecord } from '../../connectors/records.ts';
import { createOktaSimulator, type OktaSimulator } from '../../simulators/okta/simulator.ts';
import { createOpenGovernor } from '../support/open-governor.ts';
import { sharedFolder } from './ocsf-validator.ts';

interface Sent {
  method: string;
  path: string;
  query: string[];
  body?: unknown;
}
type Parameter = { name: string; in: string; required?: boolean };
interface Operation {
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { content: Record<string, { schema: object }> };
}
interface Description {
  paths: Record<string, Record<string, Operation> & { parameters?: Operation['parameters'] }>;
  components: { parameters: Record<string, Parameter> };
}

/** What is wrong with a request under Okta's API description. */
function createRequestCheck(folder: string): (sent: Sent) => string[] {
  const description = JSON.parse(readFileSync(`${folder}/okta.json`, 'utf8')) as Description;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const templates = Object.keys(description.paths).sort((a, b) => a.split('{').length - b.split('{').length);
  const named = (given: Operation['parameters'] = []) =>
    given.map((one) => ('$ref' in one ? description.components.parameters[one.$ref.split('/').at(-1)!]! : one));
  return ({ method, path, query, body }) => {
    const template = templates.find((one) => {
      const pattern = one.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+');
      return new RegExp(`^${pattern}$`).test(path) && description.paths[one]![method.toLowerCase()];
    });
    if (!template) return [`${method} ${path} is not described`];
    const operation = description.paths[template]![method.toLowerCase()]!;
    const known = [...named(description.paths[template]!.parameters), ...named(operation.parameters)].filter(
      (one) => one.in === 'query',
    );
    const problems = query
      .filter((name) => !known.some((one) => one.name === name))
      .map((name) => `${method} ${template} has no parameter ${name}`);
    const schema = operation.requestBody?.content['application/json']?.schema;
    if (body !== undefined && !schema) problems.push(`${method} ${template} takes no body`);
    if (schema && body !== undefined) {
      const validate = ajv.compile({ ...schema, components: description.components });
      if (!validate(body)) problems.push(`${method} ${template}: ${ajv.errorsText(validate.errors)}`);
    }
    return problems;
  };
}

const folder = sharedFolder('CASTELLAN_SPECS', 'specs');
if (!folder)
  console.warn('the API descriptions are not beside the project (CASTELLAN_SPECS): requests were not checked');

describe('every request of the Okta connector', () => {
  const sent: Sent[] = [];
  let simulator: OktaSimulator;
  let url = '';

  /** Between connector and simulator: notes every request; also the address that event hooks are delivered to. */
  function relay(request: IncomingMessage, response: ServerResponse) {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const target = new URL(request.url!, url);
      if (target.pathname.startsWith('/webhooks/')) return hook(request, response);
      const body = Buffer.concat(chunks);
      const query = [...target.searchParams.keys()];
      const json = body.length > 0 ? { body: JSON.parse(body.toString()) as unknown } : {};
      sent.push({ method: request.method!, path: target.pathname, query, ...json });
      const options = { method: request.method, headers: request.headers };
      const onward = forward(`${simulator.url}${request.url}`, options, (answer) => {
        response.writeHead(answer.statusCode!, answer.rawHeaders as unknown as string[]);
        answer.pipe(response);
      });
      onward.end(body);
    });
  }
  function hook(request: IncomingMessage, response: ServerResponse) {
    const routed = okta.push!.route({
      method: request.method!,
      path: request.url!.split('/').slice(3),
      headers: request.headers as PushRequest['headers'],
      query: {},
      body: new Uint8Array(),
    });
    const answer = 'answer' in routed ? routed.answer : { status: 204 };
    response.writeHead(answer.status, { 'content-type': answer.contentType ?? 'text/plain' }).end(answer.body);
  }
  const server = createServer(relay);

  beforeAll(async () => {
    simulator = await createOktaSimulator({
      knobs: { limitFactor: 1000 },
      allowHttpHooks: true,
      fill: { users: 60, groups: 8, events: 200 },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await simulator.close();
  });

  const open = (): Session =>
    okta.open({
      connectionId: 'spec1',
      settings: { baseUrl: url },
      credential: { type: 'ssws', token: simulator.token },
      credentialVersion: 1,
      governor: createOpenGovernor(),
      urgency: 'sweep',
      signal: new AbortController().signal,
      allowLocalOrigins: true,
    });
  const drain = async <R>(ask: (cursor?: string) => Promise<Page<R>>): Promise<R[]> => {
    const rows: R[] = [];
    let page = await ask();
    for (let pages = 0; pages < 200; pages++) {
      rows.push(...page.records);
      if (page.next === undefined) break;
      page = await ask(page.next);
    }
    return rows;
  };

  it('is as Okta describes it: verify, sweeps, lookups, changes, actions, hooks', { timeout: 60_000 }, async () => {
    const session = open();
    await okta.verify(session);
    for (const stage of Object.values(okta.stages) as Stage<AnyRecord>[]) {
      const none = { id: '', title: '' };
      const parts = stage.parts ? await drain((cursor) => stage.parts!(session, { part: none, cursor })) : [none];
      for (const part of parts) {
        const rows = await drain((cursor) => stage.sweep!(session, { part, cursor }));
        await stage.lookup?.(session, rows.slice(-5).concat(rows.slice(0, 2)));
      }
      const opened = await stage.changes?.(session, { part: none });
      if (opened) await stage.changes!(session, { part: none, checkpoint: opened.checkpoint });
    }
    const { control } = simulator;
    const person = () => control.createUser({ profile: { login: `p${sent.length}@acme.test` } }).id;
    const [user, member, admin] = [person(), person(), person()];
    const group = control.createGroup({ name: 'g' }).id;
    control.addMember({ group, user: member });
    const role = control.grantRole({ type: 'USER_ADMIN', assignmentType: 'USER', assigneeId: admin }).id;
    const groupRole = control.grantRole({ type: 'READ_ONLY_ADMIN', assignmentType: 'GROUP', assigneeId: group }).id;
    const { grants, refreshTokens, apiTokens } = control.truth() as Record<string, Record<string, string>[]>;
    const [grant, token] = [grants![0]!, refreshTokens![0]!];
    const apiToken = apiTokens!.find(({ userId }) => userId !== apiTokens![0]!.userId);
    const acts: [keyof typeof okta.actions, object][] = [
      ['suspendUser', { accountId: user }],
      ['revokeSessions', { accountId: user }],
      ['requirePasswordReset', { accountId: person() }],
      ['removeFromGroup', { groupId: group, accountId: member }],
      ['removePrivilege', { privilegeId: `user:${admin}:${role}` }],
      ['removePrivilege', { privilegeId: `group:${group}:${groupRole}` }],
      ['revokeAppPermission', { appPermissionId: `grant:${grant.userId}:${grant.id}` }],
      ['revokeAppPermission', { appPermissionId: `token:${token.userId}:${token.clientId}:${token.id}` }],
      ...(apiToken ? [['revokeAppPermission', { appPermissionId: `apiToken:${apiToken.id}` }] as [never, object]] : []),
    ];
    for (const [name, target] of acts) {
      const action = okta.actions[name]!;
      const { state } = await action.read(session, target as never);
      const applied = await action.apply(session, target as never, state);
      if (!('after' in applied)) throw new Error('pending');
      if (!(name === 'removePrivilege' && state.limited !== false))
        await action.undo?.(session, target as never, state, applied.after);
    }
    const first = await okta.push!.subscribe(session, { url: `${url}/webhooks/okta/k/spec1`, secret: 'secret-one' });
    const second = await okta.push!.subscribe(session, {
      url: `${url}/webhooks/okta/moved/spec1`,
      secret: 'secret-two',
    });
    expect(second.id).toBe(first.id);
    expect(control.truth().hooks).toMatchObject([
      { verificationStatus: 'VERIFIED', status: 'ACTIVE', uri: `${url}/webhooks/okta/moved/spec1` },
    ]);
    await okta.push!.unsubscribe(session, second);
    await okta.push!.unsubscribe(session, second);
    expect(control.truth().hooks).toEqual([]);
    expect(sent.length).toBeGreaterThan(100);
  });

  it.runIf(folder)('is valid under the description', () => {
    const check = createRequestCheck(folder!);
    expect([...new Set(sent.flatMap(check))]).toEqual([]);
    expect(check({ method: 'GET', path: '/api/v1/users', query: ['nonsense'] })).toHaveLength(1);
    expect(check({ method: 'POST', path: '/api/v1/eventHooks', query: [], body: { name: 1 } })).toHaveLength(1);
    expect(check({ method: 'POST', path: '/api/v1/nowhere', query: [] })).toHaveLength(1);
  });
});

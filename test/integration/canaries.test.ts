import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { BSON } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { act, undo } from '../../local/demo/scenario.ts';
import { openStore } from '../../store/open-store.ts';
import { createOcsfValidator, sharedFolder } from '../contract/ocsf-validator.ts';
import { findSecret } from '../support/find-secret.ts';
import { useInstallation } from '../support/installation.ts';

let temporalFolder: string;
const to = useInstallation({
  tenant: { users: 80, groups: 5, events: 300 },
  temporal(owner) {
    temporalFolder = owner.folder('castellan-temporal-db');
    return { dbFile: join(temporalFolder, 'temporal.db') };
  },
});

const specs = sharedFolder('CASTELLAN_SPECS', 'specs');

/** Every address of the API that tells something, as an operator would read them. */
async function apiAnswers(ids: readonly string[]): Promise<string> {
  const of = (id: string) =>
    [
      ...['', '?counts=true', '/summary', '/scans', '/positions', '/coverage', '/permissions', '/actions'],
      ...['/accounts', '/groups', '/memberships', '/privileges', '/app-permissions', '/activities'],
    ].map((path) => `/v1/connections/${id}${path}`);
  const paths = ['/v1/apps', '/v1/connections', ...ids.flatMap(of), '/readyz', '/healthz'];
  const answers = await Promise.all(
    paths.map(async (path) => {
      const response = await fetch(`${to.apiUrl}${path}`, { headers: { authorization: `Bearer ${to.apiKey}` } });
      return `${path} ${response.status} ${await response.text()}`;
    }),
  );
  expect(answers.filter((answer) => / 200 /.test(answer)).length).toBeGreaterThan(paths.length / 2);
  return answers.join('\n');
}

async function dump(): Promise<string> {
  const collections = await to.db.listCollections({}, { nameOnly: true }).toArray();
  const all = await Promise.all(
    collections.map(async ({ name }) =>
      BSON.EJSON.stringify({ [name]: await to.db.collection(name).find().toArray() }),
    ),
  );
  return all.join('\n');
}

const filesIn = (folder: string): Buffer[] =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path));

describe('secrets, after a full run with failures', () => {
  it('are nowhere outside their seal: Temporal, MongoDB, logs, answers', async () => {
    const { control, token } = to.tenant;
    const pair = await generateKeyPair('RS256', { extractable: true });
    const privateKey = await exportPKCS8(pair.privateKey);
    await control.putServiceApp({
      clientId: '0oaservice',
      keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1' }],
      grantedScopes: ['okta.orgs.read', 'okta.users.read', 'okta.groups.read', 'okta.logs.read'],
      dpop: true,
      roles: ['SUPER_ADMIN'],
    });
    const wrong = `00wrong${'w'.repeat(33)}`;

    await control.faults({
      add: [
        { kind: 'torn', path: '^/api/v1/groups', count: 1 },
        { kind: 'html', path: '^/api/v1/iam', count: 1 },
        { kind: 'status', status: 503, path: '^/api/v1/logs', count: 1 },
      ],
    });
    const { id } = await to.connect();
    await to.scanned(id);
    const { id: accountId } = await control.createUser({ profile: { login: 'someone@acme.test' } });
    const action = await act(to.api, id, 'suspendUser', { accountId }, 'to have done something');
    expect(await undo(to.api, action.id, 'and back')).toMatchObject({ state: 'undone' });

    const refused = to.api.put(`/v1/connections/${id}/credential`, { credential: { type: 'ssws', token: wrong } });
    await expect(refused).rejects.toMatchObject({ status: 422 });
    const oauth = { type: 'oauth', clientId: '0oaservice', keyId: 'k1', privateKey };
    await to.api.put(`/v1/connections/${id}/credential`, { credential: oauth });
    await to.until(id, ({ phase }) => phase === 'watching');
    await to.api.post(`/v1/connections/${id}/rescan`);
    await to.scanned(id, 2);
    const twice = to.api.post('/v1/connections?check=true', {
      ...to.tenant.body,
      governance: 'off',
      credential: { type: 'ssws', token },
    });
    await expect(twice).rejects.toMatchObject({ status: 409 });

    const key = Buffer.from(to.env['CASTELLAN_KEY']!, 'base64');
    const store = await openStore({ uri: to.env['MONGODB_URI']!, database: to.env['CASTELLAN_DATABASE']!, key });
    const connection = (await store.connections.get(id))!;
    const hookSecrets = store.connections.openWebhookSecrets(connection);
    expect(store.connections.openCredential(connection)).toMatchObject({ privateKey });
    await store.close();
    expect(hookSecrets.length).toBe(1);
    const lines = privateKey.split('\n');
    const secrets = {
      'the API token': token,
      'the refused token': wrong,
      'the private key': lines[Math.floor(lines.length / 2)]!,
      'the webhook secret': hookSecrets[0]!,
      'the API key': to.apiKey,
      'the master key': to.env['CASTELLAN_KEY']!,
    };

    const [answers, mongodb] = [await apiAnswers([id]), await dump()];
    const temporal = Buffer.concat(filesIn(temporalFolder));
    const logs = Buffer.concat(filesIn(to.logFolder));
    // What must be there, or the search proves nothing.
    for (const [where, text] of Object.entries({ answers, mongodb, temporal, logs })) {
      expect(Buffer.from(text).includes(id), where).toBe(true);
      expect(findSecret(Buffer.from(text), secrets), where).toEqual([]);
    }

    if (specs !== null) {
      const validate = createOcsfValidator(specs);
      const activities = await to.db.collection('activities').find({ connectionId: id }).toArray();
      expect(activities.length).toBeGreaterThan(250);
      const wrongEvents = activities
        .map(({ vendorId, event }) => ({ vendorId, problems: validate(JSON.parse(JSON.stringify(event))) }))
        .filter(({ problems }) => problems.length > 0);
      expect(wrongEvents).toEqual([]);
    }
  });
});

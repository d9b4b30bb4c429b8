import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Caller } from './caller.ts';
import { createBoxSimulator } from './simulator.ts';
import type { BoxSimulator } from './simulator.ts';
import { AUDIENCE } from './token-endpoint.ts';

let box: BoxSimulator;
let caller: Caller;

beforeEach(async () => {
  box = await createBoxSimulator({ seed: 5, fill: { users: 12, items: 100, events: 10 } });
  caller = new Caller(box);
});
afterEach(() => box.close());

const userBy = (role: string) =>
  box.state.users.rows.find((user) => user.role === role && user.kind === 'managed')?.id as string;

describe('tokens', () => {
  it('says who is wrong: secret, subject, authorisation, application type', async () => {
    const wanted = async (error: string, fields: Record<string, string> = {}) => {
      const said = await caller.form('/oauth2/token', {
        grant_type: 'client_credentials',
        client_id: box.clientId,
        client_secret: box.clientSecret,
        box_subject_type: 'enterprise',
        box_subject_id: box.enterpriseId,
        ...fields,
      });
      expect([said.status, said.body.error]).toEqual([400, error]);
      return said.body.error_description;
    };
    expect(await wanted('invalid_grant', { client_secret: 'wrong' })).toBe('Grant credentials are invalid');
    await wanted('invalid_grant', { box_subject_id: '1' });
    await wanted('unsupported_grant_type', { grant_type: 'password' });
    box.control.putApp({ generateUserTokens: false });
    await wanted('invalid_grant', { box_subject_type: 'user', box_subject_id: userBy('user') });
    box.control.putApp({ generateUserTokens: true, enterpriseAccess: false });
    expect(await wanted('invalid_grant', { box_subject_type: 'user', box_subject_id: userBy('user') })).toMatch(
      /enterprise configuration/,
    );
    box.control.putApp({ enterpriseAccess: true, authorized: false });
    expect(await wanted('unauthorized_client')).toMatch(/not authorized by the enterprise/);
    box.control.putApp({ authorized: true, grants: ['jwt'] });
    await wanted('unauthorized_client');
  });

  it('takes a signed assertion once, for the real audience and for less than a minute', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    box.control.putApp({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] });
    let nth = 0;
    const sign = (claims: Record<string, unknown> = {}, seconds = 45) =>
      new SignJWT({ box_sub_type: 'enterprise', jti: `assertion-number-${++nth}`, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .setIssuer(box.clientId)
        .setSubject((claims.sub as string | undefined) ?? box.enterpriseId)
        .setAudience((claims.aud as string | undefined) ?? AUDIENCE)
        .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
        .sign(privateKey);
    const send = (assertion: string) =>
      caller.form('/oauth2/token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        client_id: box.clientId,
        client_secret: box.clientSecret,
        assertion,
      });
    const good = await sign();
    expect((await send(good)).status).toBe(200);
    expect((await send(good)).body.error_description).toMatch(/jti/);
    expect((await send(await sign({ aud: box.url }))).body.error_description).toMatch(/aud/);
    expect((await send(await sign({}, 120))).body.error_description).toMatch(/60 seconds/);
    expect((await send(await sign({}, -5))).body.error_description).toMatch(/before the expiration date/);
    expect((await send(await sign({ jti: 'short' }))).body.error_description).toMatch(/jti/);
    expect((await send(await sign({ box_sub_type: 'user', sub: userBy('user') }))).status).toBe(200);
  });

  it('refuses an expired token and a missing scope by header only', async () => {
    box.control.putApp({ scopes: ['root_readonly'] });
    await caller.signIn();
    const missing = await caller.get('/users?limit=1');
    expect([missing.status, missing.text]).toEqual([403, '']);
    expect(missing.headers.get('www-authenticate')).toMatch(/error="insufficient_scope"/);
    expect((await caller.ask('POST', '/folders', { body: { name: 'x', parent: { id: '0' } } })).status).toBe(403);
    expect((await caller.get('/folders/0')).status).toBe(200);
    box.control.knobs({ clockSkewMs: 3_930_000 });
    expect((await caller.get('/folders/0')).status).toBe(200);
    box.control.knobs({ clockSkewMs: 3_940_000 });
    expect((await caller.get('/folders/0')).status).toBe(401);
    box.control.knobs({ clockSkewMs: 0 });
    box.control.expireAccessTokens();
    const expired = await caller.get('/folders/0');
    expect([expired.status, expired.text]).toEqual([401, '']);
    expect(expired.headers.get('www-authenticate')).toMatch(/error="invalid_token"/);
  });

  it('narrows a token to fewer rights and one item, and revokes its own', async () => {
    await caller.signIn();
    const make = async (name: string) =>
      String((await caller.ask('POST', '/folders', { body: { name, parent: { id: '0' } } })).body.id);
    const [inside, outside] = [await make('inside'), await make('outside')];
    const exchange = (scope: string) =>
      caller.form('/oauth2/token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: caller.token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        scope,
        resource: `https://api.box.com/2.0/folders/${inside}`,
      });
    expect((await exchange('made_up')).body.error).toBe('invalid_scope');
    const narrow = new Caller(box);
    narrow.token = String((await exchange('item_preview')).body.access_token);
    expect((await narrow.get(`/folders/${inside}`)).status).toBe(200);
    expect((await narrow.get(`/folders/${outside}`)).status).toBe(404);
    expect((await narrow.ask('DELETE', `/folders/${inside}`)).status).toBe(403);
    const client = { client_id: box.clientId, client_secret: box.clientSecret };
    expect((await caller.form('/oauth2/revoke', { ...client, token: caller.token })).status).toBe(200);
    expect((await caller.get('/users/me')).status).toBe(401);
  });
});

describe('As-User', () => {
  it('is for administrators with the switch on, and never for outsiders', async () => {
    await caller.signIn();
    const user = userBy('user');
    expect((await caller.get('/users/me', user)).body.id).toBe(user);
    const guest = box.state.users.rows.find((one) => one.kind === 'external')?.id as string;
    expect((await caller.get('/folders/0', guest)).status).toBe(403);
    expect((await caller.get('/folders/0', '12345')).status).toBe(403);
    expect((await caller.get('/folders/0', box.state.apps.get(box.clientId)?.serviceAccount)).status).toBe(403);
    expect((await caller.get('/users?limit=1', user)).body.code).toBe('access_denied_insufficient_permissions');
    box.control.putApp({ asUser: false });
    expect((await caller.get('/folders/0', user)).status).toBe(403);
  });

  it('shows a co-admin neither the admin nor the other co-admins', async () => {
    const [one, other] = box.state.users.rows.filter((user) => user.role === 'coadmin').map((user) => user.id);
    await caller.signIn({ user: one });
    expect((await caller.get('/folders/0', userBy('user'))).status).toBe(200);
    expect((await caller.get('/folders/0', other)).status).toBe(403);
    expect((await caller.get('/folders/0', userBy('admin'))).status).toBe(403);
    const suspend = (id: string) => caller.ask('PUT', `/users/${id}`, { body: { status: 'inactive' } });
    expect((await suspend(String(other))).status).toBe(403);
    expect((await suspend(userBy('user'))).body.status).toBe('inactive');
    await caller.signIn();
    expect((await caller.get('/folders/0', userBy('admin'))).status).toBe(200);
    box.control.putApp({ reach: 'belowAdmins' });
    expect((await caller.get('/folders/0', userBy('admin'))).status).toBe(403);
  });
});

describe('users', () => {
  it('suspends, demotes, ends sessions later, and deletes', async () => {
    await caller.signIn();
    box.control.knobs({ sessionJobMs: 0, duplicateProbability: 0 });
    const coadmin = userBy('coadmin');
    const put = (id: string, body: unknown) => caller.ask('PUT', `/users/${id}`, { body });
    expect((await put(coadmin, { role: 'user' })).body.id).toBe(coadmin);
    expect(box.state.user(coadmin)?.role).toBe('user');
    expect((await put(userBy('admin'), { status: 'inactive' })).status).toBe(403);
    expect((await put(coadmin, { status: 'happy' })).status).toBe(400);
    expect((await put(coadmin, { colour: 'red' })).status).toBe(400);
    const named = { user_ids: [coadmin], user_logins: [box.state.user(coadmin)!.login] };
    const ended = await caller.ask('POST', '/users/terminate_sessions', { body: named });
    expect(ended.status).toBe(202);
    box.control.runDue();
    expect(box.state.user(coadmin)?.sessions).toBe(0);
    expect(box.control.counters().executed.terminateSessions).toEqual({ [coadmin]: 1 });
    expect((await caller.ask('DELETE', `/users/${coadmin}`)).body.code).toBe('user_has_content');
    expect((await caller.ask('DELETE', `/users/${coadmin}?force=true`)).status).toBe(204);
    expect((await caller.get(`/users/${coadmin}`)).status).toBe(404);
    const types = box.control.truth({ only: ['events'] }).events?.types;
    expect(types).toMatchObject({ CHANGE_ADMIN_ROLE: 1, USER_SESSION_TERMINATED: 1, DELETE_USER: 1 });
  });

  it('pages users by marker and by offset, groups by offset up to 10,000', async () => {
    await caller.signIn();
    const byMarker = await caller.all('/users?usemarker=true&limit=5');
    const byOffset = (await caller.get('/users?limit=1000')).body;
    expect(byMarker.map((user) => user.id)).toEqual(byOffset.entries?.map((user) => user.id));
    expect(byOffset.total_count).toBe(13);
    expect((await caller.get('/groups?limit=3&offset=9')).body.entries).toHaveLength(1);
    expect((await caller.get('/groups?offset=10001')).status).toBe(400);
    const { next_marker: marker } = (await caller.get('/users?usemarker=true&limit=5')).body;
    box.control.forgetMarkers();
    expect((await caller.get(`/users?usemarker=true&marker=${marker}`)).status).toBe(400);
  });
});

import { describe, expect, it } from 'vitest';
import { acmeBody, useApi } from './start-api.ts';

const api = useApi();
const pointers = (body: { errors?: { pointer: string }[] }) => body.errors?.map(({ pointer }) => pointer);

describe('making a connection', () => {
  it('stores it, starts its workflow and answers where it is', async () => {
    const { status, body, headers } = await api.call('POST', '/v1/connections', { as: 'operator', body: acmeBody() });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/connections/${body.id}`);
    expect(body).toMatchObject({ app: 'acme', phase: 'connecting', wanted: 'running', governance: 'off' });
    expect(body).toMatchObject({ label: 'acme.acme.example', identity: { form: 'token' }, scanEveryMinutes: 720 });
    expect(api.temporal.of('start', body.id)).toHaveLength(1);
  });
});

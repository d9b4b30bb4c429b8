import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PushRequest } from '../push-request.ts';
import { createPush } from './push.ts';

const at = '2026-01-01T00:00:00-08:00';
const push = createPush(() => new Date(at));
const sign = (key: string, body: Uint8Array | string, timestamp = at) =>
  createHmac('sha256', key).update(body).update(timestamp).digest('base64');
const event = {
  type: 'webhook_event',
  id: 'evt-1',
  trigger: 'FILE.UPLOADED',
  source: { type: 'file', id: '12345', name: 'a', owned_by: { id: '11' } },
};
const headersOf = (primary: string | undefined, secondary?: string, timestamp = at) => ({
  'box-signature-version': '1',
  'box-signature-algorithm': 'HmacSHA256',
  'box-signature-primary': primary,
  'box-signature-secondary': secondary,
  'box-delivery-timestamp': timestamp,
  'box-delivery-id': 'd1',
});
const request = (given: Partial<PushRequest> = {}): PushRequest => ({
  method: 'POST',
  path: ['con_1'],
  headers: {},
  query: {},
  body: Buffer.from(JSON.stringify(event)),
  ...given,
});
const signed = (body: string, keys: [string?, string?] = ['one', 'two'], timestamp = at): PushRequest =>
  request({
    body: Buffer.from(body),
    headers: headersOf(
      keys[0] === undefined ? undefined : sign(keys[0], body, timestamp),
      keys[1] === undefined ? undefined : sign(keys[1], body, timestamp),
      timestamp,
    ),
  });
const forged = expect.objectContaining({ kind: 'unauthorized' }) as Error;

it('finds the connection at the end of the path; nothing is answered to anything else', () => {
  expect(push.route(request())).toEqual({ connectionIds: ['con_1'] });
  expect(push.route(request({ method: 'GET' }))).toEqual({ answer: { status: 405 } });
  expect(push.route(request({ path: [] }))).toEqual({ answer: { status: 404 } });
});

it('agrees with a signature made elsewhere', () => {
  const body = '{"type":"webhook_event","id":"evt-1","trigger":"FILE.UPLOADED"}';
  const headers = headersOf('z9sRmMeP5IgNG8qhbVVIg4lo/J6BkAeVR0E56rKmi2I=');
  expect(push.receive(request({ body: Buffer.from(body), headers }), ['primary-key-1']).answer).toEqual({
    status: 204,
  });
});

describe('a delivery', () => {
  const body = JSON.stringify(event);
  it('names what to look at again, as whoever owns it, and the stream', () => {
    expect(push.receive(signed(body), ['one'])).toEqual({
      touched: [{ kind: 'files', vendorId: 'file:12345', part: '11' }],
      parts: [{ stage: 'activities', part: '' }],
      id: 'evt-1',
      answer: { status: 204 },
    });
    const source = { type: 'collaboration', id: '1', item: { type: 'folder', id: '987', owned_by: { id: '12' } } };
    const shared = JSON.stringify({ ...event, trigger: 'COLLABORATION.CREATED', source });
    expect(push.receive(signed(shared), ['one']).touched).toEqual([
      { kind: 'files', vendorId: 'folder:987', part: '12' },
    ]);
    for (const trigger of ['FILE.DOWNLOADED', 'FILE.PREVIEWED', 'WEBHOOK.DELETED', 'NO_ACTIVE_SESSION'])
      expect(push.receive(signed(JSON.stringify({ ...event, trigger })), ['one']).touched).toEqual([]);
  });

  it('says when Box calls no more, and only then', () => {
    const of = (trigger: string) =>
      push.receive(signed(JSON.stringify({ ...event, trigger, additional_info: { reason: 'auto_cleanup' } })), ['one']);
    expect(of('WEBHOOK.DELETED')).toMatchObject({ lapsed: true, parts: [{ stage: 'activities', part: '' }] });
    expect(of('NO_ACTIVE_SESSION').lapsed).toBeUndefined();
    expect(of('FILE.UPLOADED').lapsed).toBeUndefined();
  });

  it('says the same twice, under the same id: also when it is sent again as another delivery', () => {
    const again = signed(body, ['one'], new Date(Date.parse(at) + 60_000).toISOString());
    again.headers = { ...again.headers, 'box-delivery-id': 'd2' };
    expect(push.receive(again, ['one'])).toEqual(push.receive(signed(body), ['one']));
  });

  it('is taken by either key while the other is renewed', () => {
    for (const keys of [['one'], ['two'], ['new', 'two'], ['two', 'new']])
      expect(push.receive(signed(body), keys).answer).toEqual({ status: 204 });
    expect(push.receive(signed(body, [undefined, 'two']), ['two']).answer).toEqual({ status: 204 });
    expect(() => push.receive(signed(body), ['new'])).toThrow(forged);
  });

  it('is taken when non-ASCII was escaped before it was signed', () => {
    const plain = JSON.stringify({ ...event, source: { ...event.source, name: 'Zürich 💥' } });
    const escaped = plain.replace('ü', '\\u00fc').replace('💥', '\\ud83d\\udca5');
    const headers = headersOf(sign('one', escaped));
    expect(push.receive(request({ body: Buffer.from(plain), headers }), ['one']).answer).toEqual({ status: 204 });
    expect(push.receive(signed(plain), ['one']).answer).toEqual({ status: 204 });
  });

  it('is refused when anything of it is not as it was signed', () => {
    const good = signed(body);
    const changed: PushRequest[] = [
      { ...good, body: Buffer.from(`${body} `) },
      { ...good, headers: { ...good.headers, 'box-delivery-timestamp': '2026-01-01T00:00:01-08:00' } },
      { ...good, headers: { ...good.headers, 'box-signature-version': '2' } },
      { ...good, headers: { ...good.headers, 'box-signature-algorithm': 'HmacSHA1' } },
      { ...good, headers: headersOf(undefined) },
      { ...good, headers: headersOf('', '') },
      { ...good, headers: headersOf('AAAA') },
    ];
    for (const wrong of changed) expect(() => push.receive(wrong, ['one', 'two'])).toThrow(forged);
    expect(() => push.receive(good, [])).toThrow(forged);
    expect(() => push.receive(signed(body, ['', '']), [''])).toThrow(forged);
  });

  it('is refused later than 10 minutes, or ahead of time, though it is signed', () => {
    const shifted = (ms: number) => new Date(Date.parse(at) + ms).toISOString();
    for (const ms of [-600_000, 600_000])
      expect(push.receive(signed(body, ['one'], shifted(ms)), ['one']).answer).toEqual({ status: 204 });
    for (const ms of [-600_001, 600_001])
      expect(() => push.receive(signed(body, ['one'], shifted(ms)), ['one'])).toThrow(forged);
    expect(() => push.receive(signed(body, ['one'], 'whenever'), ['one'])).toThrow(forged);
  });

  it('is refused when it is no event', () => {
    for (const wrong of ['', '[]', '7', '{"type":"event"}'])
      expect(() => push.receive(signed(wrong), ['one'])).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });
});

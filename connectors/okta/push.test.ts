import { describe, expect, it } from 'vitest';
import type { PushRequest } from '../push-request.ts';
import { push } from './push.ts';

const request = (given: Partial<PushRequest> = {}): PushRequest => ({
  method: 'POST',
  path: ['unguessable', 'connection1'],
  headers: { authorization: 'secret-two' },
  query: {},
  body: Buffer.from('{}'),
  ...given,
});
const delivery = (...events: object[]) => request({ body: Buffer.from(JSON.stringify({ data: { events } })) });

describe('route', () => {
  it('answers the handshake, and nothing that is not one', () => {
    const challenge = (value?: string) =>
      push.route(request({ method: 'GET', headers: { 'x-okta-verification-challenge': value } }));
    expect(challenge('3ZvK-x_1')).toEqual({
      answer: { status: 200, contentType: 'application/json', body: '{"verification":"3ZvK-x_1"}' },
    });
    expect(challenge()).toEqual({ answer: { status: 400 } });
    expect(challenge('<script>')).toEqual({ answer: { status: 400 } });
  });
  it('finds the connection at the end of the path', () => {
    expect(push.route(request())).toEqual({ connectionIds: ['connection1'] });
    expect(push.route(request({ path: [] }))).toEqual({ answer: { status: 404 } });
  });
});

describe('receive', () => {
  it('takes any of the secrets, and refuses everything else', () => {
    expect(push.receive(request(), ['secret-one', 'secret-two']).answer).toEqual({ status: 204 });
    for (const [headers, secrets] of [
      [{ authorization: 'secret' }, ['secret-one']],
      [{ authorization: '' }, ['']],
      [{}, ['secret-one']],
      [{ authorization: 'secret-two' }, []],
    ] as const)
      expect(() => push.receive(request({ headers }), secrets)).toThrow(
        expect.objectContaining({ kind: 'unauthorized' }),
      );
  });
  it('names what to look at again, once each, and always the log', () => {
    const event = {
      eventType: 'user.lifecycle.suspend',
      outcome: { result: 'SUCCESS' },
      target: [{ id: '00u1', type: 'User' }],
    };
    const received = push.receive(delivery(event, event, { eventType: null, target: 'x' }), ['secret-two']);
    expect(received.touched).toEqual([{ kind: 'accounts', vendorId: '00u1', part: 'accounts' }]);
    expect(received.parts).toEqual([{ stage: 'activities', part: '' }]);
  });
  it('is known again by its events', () => {
    const id = (...events: object[]) => push.receive(delivery(...events), ['secret-two']).id;
    expect(id({ uuid: 'a' }, { uuid: 'b' })).toBe(id({ uuid: 'a' }, { uuid: 'b' }));
    expect(id({ uuid: 'a' })).not.toBe(id({ uuid: 'b' }));
    expect([id(), id({ uuid: 'a' }, {})]).toEqual([undefined, undefined]);
  });
  it('refuses a body that is no delivery', () => {
    for (const body of ['', '[', '7', '{"data":{"events":7}}'])
      expect(() => push.receive(request({ body: Buffer.from(body) }), ['secret-two'])).toThrow(
        expect.objectContaining({ kind: 'invalid' }),
      );
  });
});

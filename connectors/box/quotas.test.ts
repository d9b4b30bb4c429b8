import { expect, it } from 'vitest';
import type { Call } from '../call.ts';
import { quotas } from './quotas.ts';
import { settings } from './settings.ts';

const given = (more: object = {}) => settings.parse({ enterpriseId: '27', ...more });
const get = { method: 'GET', url: 'https://api.box.com/2.0/users', operation: 'GET /users' };
const shown = (call: Call, more?: object, subject?: string) =>
  quotas(call, { settings: given(more), subject }).map(({ bucket, kind, limit }) => `${bucket} ${kind} ${limit}`);

it('charges who acts, and the service account too until an operator knows better', () => {
  expect(shown(get)).toEqual(['box/27/user/service rate 1000']);
  expect(shown(get, {}, '11')).toEqual(['box/27/user/11 rate 1000', 'box/27/user/service rate 1000']);
  expect(shown(get, { asUserQuota: 'user', callsPerMinute: 600 }, '11')).toEqual(['box/27/user/11 rate 600']);
});

it('counts uploads apart, and the month of the licence', () => {
  const upload = { ...get, method: 'POST', operation: 'UPLOAD /files/{file_id}/content' };
  expect(shown(upload, { asUserQuota: 'user', monthlyCalls: 50_000 }, '11')).toEqual([
    'box/27/user/11 rate 1000',
    'box/27/user/11/uploads rate 240',
    'box/27/month budget 50000',
  ]);
  const month = (more: object) => quotas(get, { settings: given({ monthlyCalls: 50_000, ...more }) }).at(-1);
  expect([month({}), month({ quotaShare: 0.9 })]).toMatchObject([{ share: 0.5 }, { share: 0.9 }]);
});

it('takes a download for one call, wherever Box leads it', () => {
  const download = { ...get, operation: 'GET /files/{file_id}/content' };
  expect(shown(download, { asUserQuota: 'user' }, '11')).toEqual(['box/27/user/11 rate 1000']);
  expect(shown({ ...download, url: 'https://dl.boxcloud.com/d/1/x/download', anonymous: true })).toEqual([]);
});

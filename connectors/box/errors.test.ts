import { expect, it } from 'vitest';
import { createAnswer } from '../kit/answer.ts';
import { classify } from './errors.ts';

const operation = 'PUT /files/{file_id}';
const url = new URL('https://api.box.com/2.0/files/1');
function refusal(body: object, accept?: number[]) {
  const bytes = Buffer.from(JSON.stringify(body));
  const answer = createAnswer({ operation, url, status: 403, headers: new Map(), bytes }, [url.origin], []);
  return classify(answer, { method: 'PUT', url, operation, accept });
}
const error = (code: string) => ({ type: 'error', status: 403, code, message: 'Forbidden', request_id: 'r1' });

it.each([
  'access_denied_item_locked',
  'storage_limit_exceeded',
  'file_size_limit_exceeded',
  'forbidden_by_policy',
  'retention_not_expired',
])('%s is about the item and not about our rights', (code) => {
  expect(refusal(error(code))).toMatchObject({
    kind: 'conflict',
    message: `${operation} is refused for this item (${code})`,
    details: { who: 'operator' },
  });
});

it('leaves other refusals to their status, and what the caller takes for an answer to the caller', () => {
  expect(refusal(error('access_denied_insufficient_permissions'))).toBeUndefined();
  expect(refusal(error('forbidden_by_policy'), [403])).toBeUndefined();
});

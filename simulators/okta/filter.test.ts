import { describe, expect, it } from 'vitest';
import { compileFilter, readPath } from './filter.ts';

const row = {
  status: 'ACTIVE',
  at: Date.parse('2026-05-01T00:00:00.000Z'),
  profile: { n: 'Ä"b' },
  target: [{ id: '1' }, { id: '2' }],
  none: null,
};
const test = (expression: string) =>
  compileFilter<typeof row>(
    expression,
    (name) => (name === 'secret' ? undefined : ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sw', 'co', 'ew', 'pr']),
    (one, name) => readPath(one, name.split('.')),
  )(row);

describe('filters', () => {
  it.each<[string, boolean]>([
    ['status eq "ACTIVE"', true],
    ['status ne "ACTIVE"', false],
    ['status sw "act" and status ew "VE"', true],
    ['status eq "X" or status eq "Y" and status eq "ACTIVE"', false],
    ['(status eq "X" or status co "CTI") and at gt "2026-04-30T23:59:59Z"', true],
    ['at gt "2026-05-01T00:00:00Z"', false],
    ['at ge "2026-05-01T02:00:00+02:00"', true],
    ['at eq "2026-05-01T00:00:00Z"', true],
    ['at gt "1970-01-01T00:00:00.000Z"', true],
    ['target.id eq "2"', true],
    ['target.id eq "3"', false],
    ['not (target.id eq "3")', true],
    ['profile.n eq "Ä\\"b"', true],
    ['none pr', false],
    ['none eq null', true],
  ])('%s is %s', (expression, wanted) => expect(test(expression)).toBe(wanted));

  it.each([
    '',
    'status',
    'status eq',
    'status eq ACTIVE',
    'status like "A"',
    'secret eq "x"',
    '(status eq "A"',
    'status eq "A" status',
    'status eq "A',
  ])('refuses: %s', (expression) => expect(() => test(expression)).toThrow());
});

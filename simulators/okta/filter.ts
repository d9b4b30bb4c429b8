export type Operator = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'sw' | 'ew' | 'co' | 'pr';

/** Says which operators an attribute may be used with; undefined refuses the attribute. */
export type Grammar = (attribute: string) => readonly Operator[] | undefined;
/** All values of an attribute: several for a member of a list (`target.id`). */
export type Reader<T> = (row: T, attribute: string) => unknown;

const ORDERING: ReadonlySet<Operator> = new Set(['eq', 'ne', 'gt', 'ge', 'lt', 'le']);

type Token = { kind: 'word' | 'text' | '(' | ')'; value: string };

function tokens(expression: string): Token[] {
  const found: Token[] = [];
  const pattern = /\s*(?:([()])|"((?:[^"\\]|\\.)*)"|([^\s()"]+))/gy;
  while (pattern.lastIndex < expression.trimEnd().length) {
    const match = pattern.exec(expression);
    if (!match) throw new Error('unbalanced quotes');
    if (match[1]) found.push({ kind: match[1] as '(' | ')', value: match[1] });
    else if (match[2] !== undefined) found.push({ kind: 'text', value: match[2].replace(/\\(.)/g, '$1') });
    else found.push({ kind: 'word', value: match[3] as string });
  }
  return found;
}

function compare(left: unknown, operator: Operator, right: unknown): boolean {
  if (operator === 'pr') return left !== undefined && left !== null && left !== '';
  if (operator === 'ne') return !compare(left, 'eq', right);
  if (left === undefined || left === null) return operator === 'eq' && right === null;
  if (typeof left === 'string' && typeof right === 'string') {
    const a = left.toLowerCase();
    const b = right.toLowerCase();
    if (operator === 'eq') return a === b || isSameMoment(left, right);
    if (operator === 'sw') return a.startsWith(b);
    if (operator === 'ew') return a.endsWith(b);
    if (operator === 'co') return a.includes(b);
    const [x, y] = [moment(left), moment(right)];
    return order(x !== undefined && y !== undefined ? x - y : a < b ? -1 : a > b ? 1 : 0, operator);
  }
  if (operator === 'eq') return left === right || String(left) === String(right);
  if (typeof left === 'number' && typeof right === 'number') return order(left - right, operator);
  return false;
}

const order = (sign: number, operator: Operator): boolean =>
  operator === 'gt' ? sign > 0 : operator === 'ge' ? sign >= 0 : operator === 'lt' ? sign < 0 : sign <= 0;

function moment(text: string): number | undefined {
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

const isSameMoment = (a: string, b: string): boolean => {
  const at = moment(a);
  return at !== undefined && at === moment(b);
};

/**
 * Compiles Okta's subset of SCIM filters: comparisons, `and`, `or`, `not`, parentheses.
 * Throws an ordinary Error that says what is wrong.
 */
export function compileFilter<T>(expression: string, grammar: Grammar, read: Reader<T>): (row: T) => boolean {
  const list = tokens(expression);
  let at = 0;
  const peek = (word: string) => list[at]?.kind === 'word' && list[at]?.value.toLowerCase() === word;

  const either = (): ((row: T) => boolean) => {
    let left = both();
    while (peek('or')) {
      at++;
      const [a, b] = [left, both()];
      left = (row) => a(row) || b(row);
    }
    return left;
  };
  const both = (): ((row: T) => boolean) => {
    let left = single();
    while (peek('and')) {
      at++;
      const [a, b] = [left, single()];
      left = (row) => a(row) && b(row);
    }
    return left;
  };
  const single = (): ((row: T) => boolean) => {
    if (peek('not')) {
      at++;
      const inner = single();
      return (row) => !inner(row);
    }
    if (list[at]?.kind === '(') {
      at++;
      const inner = either();
      if (list[at]?.kind !== ')') throw new Error('missing )');
      at++;
      return inner;
    }
    return comparison();
  };
  const comparison = (): ((row: T) => boolean) => {
    const attribute = list[at++];
    const operator = list[at++]?.value.toLowerCase() as Operator | undefined;
    if (attribute?.kind !== 'word' || !operator) throw new Error('expected: attribute operator value');
    const allowed = grammar(attribute.value);
    if (!allowed) throw new Error(`attribute ${attribute.value} is not supported`);
    if (!allowed.includes(operator)) throw new Error(`operator ${operator} is not supported for ${attribute.value}`);
    let value: unknown;
    if (operator !== 'pr') {
      const token = list[at++];
      if (token?.kind === 'text') value = token.value;
      else if (token?.kind === 'word' && /^(true|false|null|-?\d+(\.\d+)?)$/.test(token.value))
        value = JSON.parse(token.value);
      else throw new Error('expected a quoted value');
    }
    const name = attribute.value;
    const time = typeof value === 'string' && ORDERING.has(operator) ? moment(value) : undefined;
    return (row) => {
      const left = read(row, name);
      // Times are read as ms: parsing text for every row of a large tenant is what would cost most.
      if (typeof left === 'number' && time !== undefined) return compare(left, operator, time);
      return Array.isArray(left) ? left.some((one) => compare(one, operator, value)) : compare(left, operator, value);
    };
  };

  if (list.length === 0) throw new Error('the expression is empty');
  const test = either();
  if (at < list.length) throw new Error(`unexpected ${list[at]?.value}`);
  return test;
}

/** Follows a dotted path; every element of a list on the way is looked into. */
export function readPath(value: unknown, path: readonly string[]): unknown {
  let here: unknown = value;
  for (let at = 0; at < path.length; at++) {
    if (Array.isArray(here)) return here.flatMap((one) => readPath(one, path.slice(at)) ?? []);
    if (here === null || typeof here !== 'object') return undefined;
    here = (here as Record<string, unknown>)[path[at] as string];
  }
  return here;
}

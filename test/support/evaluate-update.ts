/** A MongoDB document and the expressions of an update pipeline, as the quotas use them. */
export type Value = undefined | null | boolean | number | string | Date | Value[] | { [key: string]: Value };
export type Fields = { [key: string]: Value };

type Evaluate = (expression: unknown) => Value;
interface Scope {
  document: Fields;
  variables: Fields;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
const operatorOf = (expression: Record<string, unknown>) => Object.keys(expression).find((key) => key.startsWith('$'));

/** The order of BSON types, of those that appear. */
function rankOf(value: Value): number {
  if (value === undefined) return 0;
  if (value === null) return 1;
  const types = ['number', 'string', 'object', 'array', 'boolean', 'date'];
  const type = Array.isArray(value) ? 'array' : value instanceof Date ? 'date' : typeof value;
  return 2 + types.indexOf(type);
}

function compare(a: Value, b: Value): number {
  const byType = rankOf(a) - rankOf(b);
  if (byType !== 0) return byType;
  if (isObject(a) || Array.isArray(a)) return JSON.stringify(a) === JSON.stringify(b) ? 0 : 1;
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

const isTrue = (value: Value) => value !== undefined && value !== null && value !== false && value !== 0;
const isNumber = (value: Value): value is number => typeof value === 'number';

/** What is missing or null makes the sum so. */
const arithmetic = (all: readonly Value[], work: (numbers: number[]) => number): Value =>
  all.every(isNumber) ? work(all as number[]) : null;

/** One operand that is a list stands for its elements. */
function extreme(all: readonly Value[], better: (a: number, b: number) => number): Value {
  const values = (all.length === 1 && Array.isArray(all[0]) ? all[0] : all).filter(isNumber);
  return values.length === 0 ? null : values.reduce(better);
}

const strict: Record<string, (all: Value[]) => Value> = {
  $add: (all) => arithmetic(all, (numbers) => numbers.reduce((a, b) => a + b, 0)),
  $multiply: (all) => arithmetic(all, (numbers) => numbers.reduce((a, b) => a * b, 1)),
  $subtract: (all) => arithmetic(all, ([a, b]) => a! - b!),
  $divide: (all) => arithmetic(all, ([a, b]) => divided(a!, b!)),
  $pow: (all) => arithmetic(all, ([a, b]) => a! ** b!),
  $floor: (all) => arithmetic(all, ([a]) => Math.floor(a!)),
  $ceil: (all) => arithmetic(all, ([a]) => Math.ceil(a!)),
  $sum: (all) => (all.length === 1 && Array.isArray(all[0]) ? all[0] : all).filter(isNumber).reduce((a, b) => a + b, 0),
  $max: (all) => extreme(all, (a, b) => Math.max(a, b)),
  $min: (all) => extreme(all, (a, b) => Math.min(a, b)),
  $gt: ([a, b]) => compare(a, b) > 0,
  $gte: ([a, b]) => compare(a, b) >= 0,
  $lt: ([a, b]) => compare(a, b) < 0,
  $lte: ([a, b]) => compare(a, b) <= 0,
  $eq: ([a, b]) => compare(a, b) === 0,
  $not: ([a]) => !isTrue(a),
  $in: ([a, list]) => (list as Value[]).some((one) => compare(a, one) === 0),
  $size: ([list]) => (list as Value[]).length,
  $concatArrays: (all) => (all as Value[][]).flat(),
  $mergeObjects: (all) => Object.assign({}, ...all) as Fields,
  $toDouble: ([a]) => (a instanceof Date ? a.getTime() : (a as number)),
};

function divided(a: number, b: number): number {
  if (b === 0) throw new Error("can't $divide by zero");
  return a / b;
}

interface OverList {
  input: unknown;
  as: string;
  cond?: unknown;
  in?: unknown;
}

const lazy: Record<string, (operand: never, evaluate: Evaluate, scope: Scope) => Value> = {
  $literal: (operand: Value) => operand,
  $and: (operand: unknown[], evaluate) => operand.every((one) => isTrue(evaluate(one))),
  $or: (operand: unknown[], evaluate) => operand.some((one) => isTrue(evaluate(one))),
  $cond: (operand: [unknown, unknown, unknown], evaluate) => evaluate(operand[isTrue(evaluate(operand[0])) ? 1 : 2]),
  $ifNull: (operand: [unknown, unknown], evaluate) => evaluate(operand[0]) ?? evaluate(operand[1]),
  $switch: (operand: { branches: { case: unknown; then: unknown }[]; default: unknown }, evaluate) => {
    const branch = operand.branches.find((one) => isTrue(evaluate(one.case)));
    return evaluate(branch ? branch.then : operand.default);
  },
  $filter: (operand: OverList, evaluate, scope) =>
    (evaluate(operand.input) as Value[]).filter((one) => isTrue(evaluateIn(within(scope, operand, one), operand.cond))),
  $map: (operand: OverList, evaluate, scope) =>
    (evaluate(operand.input) as Value[]).map((one) => evaluateIn(within(scope, operand, one), operand.in)),
};

const within = ({ document, variables }: Scope, { as }: OverList, one: Value): Scope => ({
  document,
  variables: { ...variables, [as]: one },
});

const paths = new Map<string, string[]>();
function pathOf(expression: string, from: number): readonly string[] {
  let path = paths.get(expression);
  if (!path) paths.set(expression, (path = expression.slice(from).split('.')));
  return path;
}

function follow(value: Value, path: readonly string[], step: number): Value {
  if (step === path.length) return value;
  if (Array.isArray(value)) return value.map((one) => follow(one, path, step)).filter((one) => one !== undefined);
  return isObject(value) ? follow(value[path[step]!] as Value, path, step + 1) : undefined;
}

function evaluateIn(scope: Scope, expression: unknown): Value {
  if (typeof expression === 'string') {
    if (!expression.startsWith('$')) return expression;
    return expression.startsWith('$$')
      ? follow(scope.variables, pathOf(expression, 2), 0)
      : follow(scope.document, pathOf(expression, 1), 0);
  }
  const evaluate: Evaluate = (one) => evaluateIn(scope, one);
  if (Array.isArray(expression)) return expression.map((one) => evaluate(one) ?? null);
  if (!isObject(expression)) return expression as Value;
  const operator = operatorOf(expression);
  if (operator === undefined) {
    const made: Fields = {};
    for (const [key, one] of Object.entries(expression)) setField(made, key, evaluate(one));
    return made;
  }
  const operand = expression[operator];
  if (operator in lazy) return lazy[operator]!(operand as never, evaluate, scope);
  if (!(operator in strict)) throw new Error(`${operator} is not known here`);
  return strict[operator]!((Array.isArray(operand) ? operand : [operand]).map(evaluate));
}

/** `undefined` takes the field away, as `$$REMOVE` does. */
function setField(fields: Fields, key: string, value: Value): void {
  if (value === undefined) delete fields[key];
  else fields[key] = value;
}

/** A plain object sets the fields that it names and leaves the others of an object that is there. */
function setPath(into: Fields, path: readonly string[], expression: unknown, scope: Scope): void {
  const [key, ...rest] = path as [string, ...string[]];
  const plain = isObject(expression) && operatorOf(expression) === undefined && Object.keys(expression).length > 0;
  if (rest.length === 0 && !plain) return setField(into, key, evaluateIn(scope, expression));
  const there = into[key];
  const inner: Fields = isObject(there) ? { ...(there as Fields) } : {};
  if (rest.length > 0) setPath(inner, rest, expression, scope);
  else for (const [name, one] of Object.entries(expression as object)) setPath(inner, name.split('.'), one, scope);
  into[key] = inner;
}

/** What `updateOne` with a pipeline of `$set` and `$unset` makes of a document, at `now`. */
export function evaluateUpdate(document: Fields, pipeline: readonly Record<string, unknown>[], now: Date): Fields {
  return pipeline.reduce<Fields>((before, { $set, $unset }) => {
    const after = { ...before };
    const scope: Scope = { document: before, variables: { NOW: now } };
    for (const [key, expression] of Object.entries($set ?? {})) setPath(after, key.split('.'), expression, scope);
    if (typeof $unset === 'string') delete after[$unset];
    return after;
  }, document);
}

/** How one state differs from another, as sentences: `link.access: was "open", is "company"`. */
export function differences(was: unknown, is: unknown, path = ''): string[] {
  if (Array.isArray(was) && Array.isArray(is)) return ofLists(was, is, path);
  if (isObject(was) && isObject(is))
    return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((key) =>
      differences(was[key], is[key], path === '' ? key : `${path}.${key}`),
    );
  return text(was) === text(is) ? [] : [`${path || 'it'}: was ${short(was)}, is ${short(is)}`];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Order does not count: which are gone, which are new. */
function ofLists(was: readonly unknown[], is: readonly unknown[], path: string): string[] {
  const [before, now] = [new Set(was.map(text)), new Set(is.map(text))];
  const gone = was.filter((each) => !now.has(text(each)));
  const come = is.filter((each) => !before.has(text(each)));
  const listed = (those: readonly unknown[]) =>
    those.slice(0, 5).map(named).join(', ') + (those.length > 5 ? ` and ${those.length - 5} more` : '');
  return [
    ...(gone.length > 0 ? [`${path || 'it'}: no more ${listed(gone)}`] : []),
    ...(come.length > 0 ? [`${path || 'it'}: new ${listed(come)}`] : []),
  ];
}

function named(value: unknown): string {
  if (!isObject(value)) return short(value);
  const name = value['who'] ?? value['name'] ?? value['id'];
  if (typeof name !== 'string') return short(value);
  return typeof value['role'] === 'string' ? `${name} (${value['role']})` : name;
}

const text = (value: unknown): string => JSON.stringify(value) ?? 'undefined';

function short(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  const said = text(value);
  return said.length > 120 ? `${said.slice(0, 120)}…` : said;
}

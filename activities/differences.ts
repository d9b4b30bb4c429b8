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

/** Order does not count: which are gone, which are new, and how one of the same name differs. */
function ofLists(was: readonly unknown[], is: readonly unknown[], path: string): string[] {
  const [before, now] = [new Set(was.map(text)), new Set(is.map(text))];
  const gone = was.filter((each) => !now.has(text(each)));
  const come = is.filter((each) => !before.has(text(each)));
  const only = (list: readonly unknown[], name: string) => {
    const found = list.filter((each) => isObject(each) && named(each) === name);
    return found.length === 1 ? found[0] : undefined;
  };
  const changed = gone
    .map(named)
    .filter((name) => only(gone, name) && only(come, name))
    .map((name) => ({ name, from: only(gone, name), to: only(come, name) }));
  const listed = (word: string, list: readonly unknown[]) => {
    const those = list.filter((each) => !changed.some(({ from, to }) => each === from || each === to));
    const more = those.length > 5 ? ` and ${those.length - 5} more` : '';
    return those.length > 0 ? [`${path || 'it'}: ${word} ${those.slice(0, 5).map(named).join(', ')}${more}`] : [];
  };
  return [
    ...listed('no more', gone),
    ...listed('new', come),
    ...changed.flatMap(({ name, from, to }) => differences(from, to, `${path || 'it'} ${name}`)),
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

import { compact, text } from '../kit/ocsf.ts';

export type Row = Record<string, unknown>;
export const rowOf = (value: unknown): Row =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Row) : {};

export interface EventItem {
  type: 'file' | 'folder' | 'web_link';
  id?: string;
  name?: string;
  owner?: Row;
  parent?: Row;
}

const types = ['file', 'folder', 'web_link'] as const;
const idOf = (value: unknown): string | undefined => {
  const id = text(value);
  return id !== undefined && /^\w{1,40}$/.test(id) ? id : undefined;
};

/** The item that an event is about, in whichever of Box's shapes it names one. */
export function itemOf(event: Row): EventItem | undefined {
  const source = rowOf(event.source);
  // Of a webhook's collaboration and of its task the item is one level down.
  const nested = rowOf(source.item);
  const owner = rowOf(source.owned_by);
  const parent = rowOf(source.parent);
  const typed = (type: unknown): EventItem['type'] | undefined => types.find((known) => known === type);
  const make = (type: EventItem['type'], id: unknown, name: unknown, whole = source): EventItem => ({
    type,
    id: idOf(id),
    name: text(name),
    owner: whole === source ? owner : rowOf(whole.owned_by),
    parent: whole === source ? parent : rowOf(whole.parent),
  });
  const itemType = typed(source.item_type);
  if (itemType) return make(itemType, source.item_id, source.item_name);
  for (const type of types) {
    const [id, name] = [source[`${type}_id`], source[`${type}_name`]];
    if (text(id) !== undefined) return make(type, id, name);
  }
  const own = typed(source.type);
  if (own) return make(own, source.id, source.name);
  const below = typed(nested.type);
  if (below) return make(below, nested.id, nested.name, nested);
  return undefined;
}

/** The user that an event is about; null-free. */
export function userOf(event: Row): Row | undefined {
  const source = rowOf(event.source);
  if (source.type === 'user') return source;
  const named = { id: source.user_id, name: source.user_name, login: source.user_email ?? source.login };
  if (text(named.id) !== undefined) return named;
  const accessible = rowOf(event.accessible_by);
  return text(accessible.id) !== undefined ? accessible : undefined;
}

export function groupOf(event: Row): { id?: string; name?: string } | undefined {
  const source = rowOf(event.source);
  const own = source.type === 'group' ? { id: source.id, name: source.name } : {};
  const details = rowOf(detailsOf(event));
  const id = idOf(own.id) ?? idOf(source.group_id) ?? idOf(details.group_id);
  const name = text(own.name) ?? text(source.group_name) ?? text(details.group_name);
  return id === undefined && name === undefined ? undefined : { id, name };
}

/** Some exporters deliver it as a text. */
export function detailsOf(event: Row): Row {
  const details = event.additional_details;
  if (typeof details !== 'string') return (compact(rowOf(details)) ?? {}) as Row;
  try {
    return (compact(rowOf(JSON.parse(details))) ?? {}) as Row;
  } catch {
    return { text: details };
  }
}

export const idText = idOf;

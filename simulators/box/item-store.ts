import { BaseItems } from './base-items.ts';
import type { BaseOptions } from './base-items.ts';
import type { Item } from './objects.ts';

const FIRST_NEW = 200_000_000_000;

/** Where a reader of a folder stands: in the filled children, or among those that came later. */
export interface Place {
  base: number;
  added: number;
}

/** All files and folders: the untouched are computed, the touched and the new are kept. */
export class ItemStore {
  readonly #ownerId: (userNumber: number) => string;
  #base = new BaseItems({
    seed: 0,
    items: 0,
    owners: [],
    folders: 0,
    perFolder: 1,
    fileBytes: 0,
    versioned: 0,
    now: 0,
  });
  readonly #touched = new Map<number, Item>();
  readonly #gone = new Set<number>();
  /** Children that were made in or moved to a folder or root, with the order of their coming. */
  readonly #added = new Map<number, Map<number, number>>();
  #seq = 0;
  #count = 0;
  #versions = 0;

  constructor(ownerId: (userNumber: number) => string) {
    this.#ownerId = ownerId;
  }

  /** Once, before anything else is in here. */
  fill(options: BaseOptions): BaseItems {
    if (this.#base.size > 0) throw new Error('items are filled once; reset first');
    this.#base = new BaseItems(options);
    return this.#base;
  }

  get base(): BaseItems {
    return this.#base;
  }

  get size(): number {
    return this.#base.size + this.#count - this.#gone.size;
  }

  /** Items that are kept whole; the rest is computed. */
  get touched(): IterableIterator<Item> {
    return this.#touched.values();
  }

  get touchedCount(): number {
    return this.#touched.size;
  }

  has(id: number): boolean {
    return this.#touched.has(id) || (this.#base.has(id) && !this.#gone.has(id));
  }

  /** For reading only; `edit` gives what may be changed. */
  get(id: number): Item | undefined {
    const touched = this.#touched.get(id);
    if (touched || !this.has(id)) return touched;
    return this.#base.make(id, this.#ownerId(-this.rootOf(id)));
  }

  parentOf(id: number): number {
    return this.#touched.get(id)?.parent ?? this.#base.parent(id);
  }

  isFolder(id: number): boolean {
    const touched = this.#touched.get(id);
    return touched ? touched.type === 'folder' : this.#base.isFolder(id);
  }

  isTrashed(id: number): boolean {
    return this.#touched.get(id)?.trashedAt !== undefined;
  }

  /** Minus the number of the owner. */
  rootOf(id: number): number {
    let at = id;
    while (at >= 0) at = this.parentOf(at);
    return at;
  }

  edit(id: number): Item {
    const found = this.get(id);
    if (!found) throw new Error(`no such item: ${id}`);
    this.#touched.set(id, found);
    return found;
  }

  add(item: Omit<Item, 'id'>): Item {
    const made = { ...item, id: FIRST_NEW + ++this.#count };
    this.#touched.set(made.id, made);
    this.#put(made.parent, made.id);
    return made;
  }

  move(item: Item, parent: number): void {
    this.#added.get(item.parent)?.delete(item.id);
    item.parent = parent;
    if (!(this.#base.has(item.id) && this.#base.parent(item.id) === parent)) this.#put(parent, item.id);
  }

  /** Takes it out for ever; what is below must have gone before. */
  remove(item: Item): void {
    this.#added.get(item.parent)?.delete(item.id);
    this.#touched.delete(item.id);
    this.#gone.add(item.id);
  }

  newVersionId(): number {
    return FIRST_NEW * 3 + ++this.#versions;
  }

  #put(parent: number, id: number): void {
    const children = this.#added.get(parent) ?? new Map<number, number>();
    children.set(id, ++this.#seq);
    this.#added.set(parent, children);
  }

  /** Ids of what lies in a folder (trashed ones left out unless `trashed`), after `place`, with the place after each. */
  *children(folder: number, place: Place = { base: 0, added: 0 }, trashed = false): Generator<[number, Place]> {
    const { first, count } = this.#base.children(folder);
    for (let nth = place.base; nth < count; nth++) {
      const id = first + nth;
      if (this.#gone.has(id)) continue;
      const touched = this.#touched.get(id);
      if (touched && (touched.parent !== folder || (touched.trashedAt !== undefined && !trashed))) continue;
      yield [id, { base: nth + 1, added: 0 }];
    }
    for (const [id, seq] of this.#added.get(folder) ?? []) {
      if (seq <= place.added) continue;
      if (!trashed && this.isTrashed(id)) continue;
      yield [id, { base: count, added: seq }];
    }
  }

  isEmpty(folder: number): boolean {
    return this.children(folder).next().done === true;
  }

  /** The item and everything below it, parents first. */
  *below(id: number): Generator<number> {
    yield id;
    if (!this.isFolder(id)) return;
    for (const [child] of this.children(id, undefined, true)) yield* this.below(child);
  }
}

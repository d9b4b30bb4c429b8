import type { Content } from './content.ts';
import type { Item, Version } from './objects.ts';

export const FIRST_ITEM = 100_000_000_000;
const FIRST_VERSION = 500_000_000_000;
const DAY = 86_400_000;
const WORDS = ['plan', 'report', 'budget', 'contract', 'notes', 'roadmap', 'invoice', 'minutes', 'offer', 'photo'];
const ENDINGS = ['pdf', 'docx', 'xlsx', 'txt', 'png', 'pptx', 'csv', 'md'];

/** 32 well-mixed bits of three numbers: what an untouched item looks like is computed, not kept. */
export function mix(seed: number, index: number, salt: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35) ^ Math.imul(salt + 1, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

export interface BaseOptions {
  seed: number;
  /** All files and folders. */
  items: number;
  /** Numbers of the users who own a tree. */
  owners: readonly number[];
  /** Part of the items that are folders. */
  folders: number;
  /** Children of an average folder. */
  perFolder: number;
  /** Longest made-up file, bytes. */
  fileBytes: number;
  /** Part of the files with older versions. */
  versioned: number;
  now: number;
}

/**
 * The trees of a freshly filled tenant: 13 bytes an item (parent, first child, number of children, kind). Children of
 * one folder have neighbouring numbers. Everything else comes from the seed when somebody looks.
 */
export class BaseItems {
  readonly size: number;
  readonly #options: BaseOptions;
  readonly #parent: Int32Array;
  readonly #first: Int32Array;
  readonly #count: Int32Array;
  readonly #folder: Uint8Array;
  readonly #roots = new Map<number, { first: number; count: number }>();

  constructor(options: BaseOptions) {
    const { items, owners, seed, folders, perFolder } = options;
    this.size = items;
    this.#options = options;
    this.#parent = new Int32Array(items);
    this.#first = new Int32Array(items);
    this.#count = new Int32Array(items);
    this.#folder = new Uint8Array(items);
    if (items > 0 && owners.length === 0) throw new Error('items need owners');
    let made = 0;
    let ahead = 0;
    const grow = (parent: number, wanted: number, leastFolders: number): { first: number; count: number } => {
      const first = made;
      const count = Math.min(wanted, items - made);
      for (let nth = 0; nth < count; nth++, made++) {
        const folder = nth < leastFolders || mix(seed, made, 1) / 2 ** 32 < folders;
        this.#parent[made] = parent;
        this.#folder[made] = folder ? 1 : 0;
        if (folder) ahead++;
      }
      return { first, count };
    };
    for (const owner of owners) this.#roots.set(owner, grow(-owner, 2 + (mix(seed, owner, 2) % (2 * perFolder)), 2));
    for (let at = 0; at < made && made < items; at++) {
      if (this.#folder[at] !== 1) continue;
      ahead--;
      // The last folder of all gets two more, so that the trees do not end early.
      const last = ahead === 0;
      const grown = grow(at, (mix(seed, at, 3) % (2 * perFolder)) + (last ? 2 : 0), last ? 2 : 0);
      this.#first[at] = grown.first;
      this.#count[at] = grown.count;
    }
  }

  has(id: number): boolean {
    return id >= FIRST_ITEM && id < FIRST_ITEM + this.size;
  }

  isFolder(id: number): boolean {
    return this.#folder[id - FIRST_ITEM] === 1;
  }

  /** Id of the folder, or minus the number of the user in whose root it is. */
  parent(id: number): number {
    const parent = this.#parent[id - FIRST_ITEM] as number;
    return parent < 0 ? parent : parent + FIRST_ITEM;
  }

  /** Ids [first, first + count) lie in this folder or root. */
  children(folder: number): { first: number; count: number } {
    if (folder < 0) {
      const root = this.#roots.get(-folder);
      return root ? { first: root.first + FIRST_ITEM, count: root.count } : { first: 0, count: 0 };
    }
    if (!this.has(folder)) return { first: 0, count: 0 };
    const at = folder - FIRST_ITEM;
    return { first: (this.#first[at] as number) + FIRST_ITEM, count: this.#count[at] as number };
  }

  /** A number in [0, 1) of an item, the same at every look. */
  chance(id: number, salt: number): number {
    return mix(this.#options.seed, id - FIRST_ITEM, salt) / 2 ** 32;
  }

  /** The item as it was filled; `owner` is the id of the user who owns the tree. */
  make(id: number, owner: string): Item {
    const at = id - FIRST_ITEM;
    const { seed, now } = this.#options;
    const createdAt = now - DAY - (mix(seed, at, 4) % (700 * 86_400)) * 1_000;
    const modifiedAt = createdAt + Math.floor((now - createdAt) * (mix(seed, at, 5) / 2 ** 32));
    const folder = this.isFolder(id);
    const name = folder
      ? `Folder ${at}`
      : `${WORDS[mix(seed, at, 6) % WORDS.length]}-${at}.${ENDINGS[mix(seed, at, 7) % ENDINGS.length]}`;
    return {
      id,
      type: folder ? 'folder' : 'file',
      name,
      parent: this.parent(id),
      etag: mix(seed, at, 8) % 4,
      createdAt,
      modifiedAt,
      createdBy: owner,
      modifiedBy: owner,
      description: '',
      versions: folder ? [] : this.#versions(at, name, owner, createdAt, modifiedAt),
      canNonOwnersInvite: true,
      restricted: false,
    };
  }

  #versions(at: number, name: string, owner: string, createdAt: number, modifiedAt: number): Version[] {
    const { seed, fileBytes, versioned } = this.#options;
    const older = mix(seed, at, 9) / 2 ** 32 < versioned ? 1 + (mix(seed, at, 10) % 3) : 0;
    const step = (modifiedAt - createdAt) / (older + 1);
    return Array.from({ length: older + 1 }, (_, nth) => ({
      id: FIRST_VERSION + at * 4 + nth,
      name,
      content: contentOf(mix(seed, at, 11 + nth), fileBytes),
      createdAt: nth === older ? modifiedAt : Math.floor(createdAt + nth * step),
      modifiedBy: owner,
      number: nth + 1,
    }));
  }
}

/** Most files are short, one in 64 is up to the longest. */
function contentOf(seed: number, longest: number): Content {
  const top = seed % 64 === 0 ? longest : Math.min(longest, 1_200);
  return { seed, size: 40 + (seed % Math.max(1, top - 40)) };
}

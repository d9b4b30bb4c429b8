import { sharings, type Sharing } from '../connectors/records.ts';

/** What is stored of a file or folder that others may lie below. */
export interface FileFacts {
  ancestors: readonly string[];
  path: string;
  /** The most open of its own shares. */
  ownSharing: Sharing;
  inherits?: boolean;
}

/** What follows from the facts above. */
export interface Inherited {
  ancestors: string[];
  path: string;
  sharing: Sharing;
  /** The nearest ancestor whose own shares open it so far; undefined where its own do. */
  sharedVia: string | undefined;
  /** Ancestors of which nothing is stored, or that are gone. */
  unseen: string[];
}

/**
 * Works out place and sharing of files from the facts of those above, found by `vendorId`. A parent that is stored
 * tells its own place better than a record that was read before the parent moved; above a parent that nobody sees the
 * record's own list counts. So the outcome depends on the facts alone, not on the order in which they came.
 */
export function createInheritance(facts: ReadonlyMap<string, FileFacts>): (file: FileFacts, id: string) => Inherited {
  const known = new Map<string, Inherited>();
  /** Facts of different ages may say that two folders lie in each other: the second of them counts as not seen. */
  const underway = new Set<string>();

  function inherited(file: FileFacts, id: string): Inherited {
    const there = (ancestor: string | undefined): boolean =>
      ancestor !== undefined && ancestor !== id && facts.has(ancestor) && !underway.has(ancestor);
    let at = file.ancestors.length - 1;
    while (at >= 0 && !there(file.ancestors[at])) at -= 1;
    const nearest = file.ancestors[at];
    const { ownSharing: own } = file;
    if (nearest === undefined) {
      const { path } = file;
      return { ancestors: [...file.ancestors], path, sharing: own, sharedVia: undefined, unseen: [...file.ancestors] };
    }
    underway.add(id);
    const above = known.get(nearest) ?? inherited(facts.get(nearest)!, nearest);
    underway.delete(id);
    if (underway.size === 0) known.set(nearest, above);
    const between = file.ancestors.slice(at + 1);
    const wider = file.inherits !== false && sharings.indexOf(above.sharing) > sharings.indexOf(own);
    return {
      ancestors: [...above.ancestors, nearest, ...between],
      path: pathBelow(above.path, file, between.length + 1),
      sharing: wider ? above.sharing : own,
      sharedVia: wider ? (above.sharedVia ?? nearest) : undefined,
      unseen: [...above.unseen, ...between],
    };
  }
  return inherited;
}

/** Only where each segment is an ancestor's name: an S3 key has slashes of its own. */
function pathBelow(above: string, { path, ancestors }: FileFacts, last: number): string {
  const segments = path.split('/');
  if (segments.length - 2 !== ancestors.length) return path;
  return [above, ...segments.slice(-last)].join('/');
}

/** As it is stored: place and sharing. */
interface Placed {
  ancestors: readonly string[];
  path: string;
  sharing: Sharing;
  sharedVia?: string | undefined;
}

export const samePlace = (a: Placed, b: Placed): boolean =>
  a.path === b.path &&
  a.sharing === b.sharing &&
  a.sharedVia === b.sharedVia &&
  a.ancestors.length === b.ancestors.length &&
  a.ancestors.every((ancestor, at) => ancestor === b.ancestors[at]);

import { z } from 'zod';
import { createCursor } from '../kit/cursor.ts';
import { rootId, type Place } from './items.ts';

/** A folder still to be read. */
export const frame = z.object({
  id: z.string(),
  name: z.string(),
  /** The folder it lies in; the root and what is in it have none. */
  in: z.string().optional(),
  marker: z.string().optional(),
  limit: z.number().int().positive().optional(),
  restarts: z.number().int().optional(),
});
export type Frame = z.output<typeof frame>;

const tree = z.object({
  /** What is still to be read, the next one last. */
  stack: z.array(frame),
  /** The folders above those, by their ids. */
  above: z.record(z.string(), z.object({ name: z.string(), in: z.string().optional() })),
});
/** Where a walk through a user's folders stands. Who lists a folder knows where it lies: no item needs to tell its path. */
export type Tree = z.output<typeof tree>;

/** The trash comes when the tree is done. */
export const treeCursor = createCursor(2, tree.extend({ trash: z.string().optional() }));

export const wholeTree: Tree = { stack: [{ id: rootId, name: '' }], above: {} };

/** Of what lies in the folder. */
export function placeIn(folder: Frame, above: Tree['above']): Place {
  const names: string[] = [];
  const ancestors: string[] = [];
  for (let at: { id: string; name: string; in?: string | undefined } | undefined = folder; at;) {
    if (at.id !== rootId) {
      names.unshift(at.name || at.id);
      ancestors.unshift(`folder:${at.id}`);
    }
    const { in: parent }: { in?: string | undefined } = at;
    at = parent === undefined ? undefined : { id: parent, ...above[parent]! };
  }
  return { path: names.map((name) => `/${name}`).join(''), ancestors };
}

/** `read` were the last of the stack: what is to be read of them again, and the folders found in them. */
export function grown(
  { stack, above }: Tree,
  read: readonly { at: Frame; again: Frame | undefined; folders: readonly Pick<Frame, 'id' | 'name'>[] }[],
): Tree {
  const left = stack.slice(0, stack.length - read.length);
  // Deepest first, so that the stack stays as small as the tree is deep.
  for (const { again } of read) if (again) left.push(again);
  const known = { ...above };
  for (const { at, folders } of read) {
    if (at.id !== rootId && folders.length > 0) known[at.id] = { name: at.name, in: at.in };
    const place = at.id === rootId ? {} : { in: at.id };
    for (const { id, name } of folders) left.push({ id, name, ...place });
  }
  const kept: Tree['above'] = {};
  for (const folder of left)
    for (let id = folder.in; id !== undefined && !Object.hasOwn(kept, id); id = kept[id]!.in) kept[id] = known[id]!;
  return { stack: left, above: kept };
}

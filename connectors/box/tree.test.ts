import { describe, expect, it } from 'vitest';
import { grown, placeIn, treeCursor, wholeTree, type Frame, type Tree } from './tree.ts';

const last = ({ stack }: Tree): Frame => stack.at(-1)!;
const read = (tree: Tree, folders: string[], again?: Partial<Frame>) => {
  const at = last(tree);
  const found = folders.map((id) => ({ id, name: `name of ${id}` }));
  return grown(tree, [{ at, folders: found, again: again && { ...at, ...again } }]);
};

describe('a walk through a tree of folders', () => {
  it('knows where each folder lies, also after the cursor was stored', () => {
    let tree = read(wholeTree, ['1', '2']);
    expect(placeIn(wholeTree.stack[0]!, {})).toEqual({ path: '', ancestors: [] });
    tree = read(tree, ['21', '22']);
    tree = treeCursor.read(treeCursor.write(read(tree, ['221'])));
    expect(placeIn(last(tree), tree.above)).toEqual({
      path: '/name of 2/name of 22/name of 221',
      ancestors: ['folder:2', 'folder:22', 'folder:221'],
    });
  });

  it('remembers only what is above the folders left', () => {
    let tree = read(read(wholeTree, ['1', '2']), ['21']);
    expect(Object.keys(tree.above)).toEqual(['2']);
    tree = read(tree, []);
    expect(tree).toEqual({ stack: [{ id: '1', name: 'name of 1' }], above: {} });
    expect(read(tree, []).stack).toEqual([]);
  });

  it('reads what was found before the rest of a long folder', () => {
    let tree = read(read(wholeTree, ['1']), ['11'], { marker: 'more' });
    expect(tree.stack.map(({ id, marker }) => [id, marker])).toEqual([
      ['1', 'more'],
      ['11', undefined],
    ]);
    tree = read(tree, []);
    expect(placeIn(last(tree), tree.above).path).toBe('/name of 1');
  });

  it('takes several at once', () => {
    const tree = read(wholeTree, ['1', '2', '3']);
    const next = grown(
      tree,
      tree.stack.slice(1).map((at) => ({ at, again: undefined, folders: [{ id: `${at.id}1`, name: '' }] })),
    );
    expect(next.stack.map(({ id }) => [id, placeIn({ id, name: '', in: id[0]! }, next.above).ancestors[0]])).toEqual([
      ['1', 'folder:1'],
      ['21', 'folder:2'],
      ['31', 'folder:3'],
    ]);
  });
});

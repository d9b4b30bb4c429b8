import { mostOpen, sharings, type AnyRecord, type FileRecord, type Share } from '../../connectors/records.ts';
import type { Gone } from '../../connectors/pages.ts';
import { pick, type Random } from '../../simulators/kit/seeded.ts';
import { file, later } from './open-positions.ts';

interface Node {
  id: string;
  type: 'file' | 'folder';
  name: string;
  parent: Node | undefined;
  shares: Share[];
  inherits: boolean;
  there: boolean;
  /** A folder that the credential does not see is named by what is below it and never read itself. */
  seen: boolean;
}

/** What one answer of the app told. */
export interface Observation {
  observedAt: Date;
  records: AnyRecord[];
  removed: Gone[];
}

export interface Expected {
  ancestors: string[];
  path: string;
  sharing: string;
  sharedVia: string | undefined;
}

/** A tree of files that changes at random, the answers that tell of it, and what must be known of it in the end. */
export class FileTree {
  readonly observations: Observation[] = [];
  private readonly nodes: Node[] = [];
  private readonly random: Random;

  constructor(random: Random, size: number) {
    this.random = random;
    for (let n = 0; n < size; n += 1) this.add();
    for (const node of this.nodes) this.observe(node);
  }

  /** One change, and the answer that tells of it, asked for some time after it. */
  change(): void {
    const node = pick(this.random, this.nodes);
    const chance = this.random();
    if (!node.there) return this.restore(node);
    if (chance < 0.4) {
      node.shares = this.shares();
      if (this.random() < 0.2) node.inherits = !node.inherits;
      this.observe(node);
    } else if (chance < 0.65) this.move(node);
    else if (chance < 0.75) {
      node.name = `${node.id}-${Math.floor(this.random() * 1_000)}`;
      this.observePlace(node);
    } else if (chance < 0.85) this.remove(node);
    else if (chance < 0.95) this.observe(this.add());
    // Nothing changed; a sweep came by.
    else this.observe(node);
  }

  expected(): Map<string, Expected> {
    return new Map(
      this.nodes.filter(({ seen, there }) => seen && there).map((node) => [node.id, expectedOf(node)] as const),
    );
  }

  private add(): Node {
    const id = `n${this.nodes.length}`;
    const folder = this.random() < 0.55;
    const node: Node = {
      id,
      type: folder ? 'folder' : 'file',
      name: id,
      parent: this.random() < 0.15 ? undefined : this.anyFolder(),
      shares: this.shares(),
      inherits: this.random() > 0.05,
      there: true,
      seen: !folder || this.random() > 0.1,
    };
    this.nodes.push(node);
    return node;
  }

  private anyFolder(except?: Node): Node | undefined {
    const folders = this.nodes.filter(
      (node) => node.type === 'folder' && node.there && (!except || !chainOf(node).includes(except)),
    );
    return folders.length === 0 ? undefined : pick(this.random, folders);
  }

  private shares(): Share[] {
    if (this.random() < 0.6) return [];
    return [{ type: 'link', to: '*', role: 'viewer', sharing: pick(this.random, sharings) }];
  }

  private move(node: Node): void {
    node.parent = this.random() < 0.15 ? undefined : this.anyFolder(node);
    this.observePlace(node);
  }

  private remove(node: Node): void {
    for (const below of [node, ...this.below(node)]) {
      if (!below.there) continue;
      below.there = false;
      this.observe(below);
    }
  }

  private restore(node: Node): void {
    if (node.parent && chainOf(node).some(({ there }, at) => at > 0 && !there)) node.parent = undefined;
    node.there = true;
    this.observePlace(node);
  }

  private below(node: Node): Node[] {
    return this.nodes.filter((other) => other !== node && chainOf(other).includes(node));
  }

  /** The move of a folder that nobody sees is told by what is in it. */
  private observePlace(node: Node): void {
    if (node.seen) return this.observe(node);
    for (const child of this.nodes) if (child.parent === node && child.there) this.observePlace(child);
  }

  private observe(node: Node): void {
    if (!node.seen) return;
    const observedAt = later();
    if (!node.there) {
      this.observations.push({ observedAt, records: [], removed: [{ kind: 'files', vendorId: node.id }] });
      return;
    }
    this.observations.push({ observedAt, records: [recordOf(node)], removed: [] });
  }
}

/** From the node up. */
function chainOf(node: Node): Node[] {
  return node.parent ? [node, ...chainOf(node.parent)] : [node];
}

function recordOf(node: Node): FileRecord {
  const above = chainOf(node).slice(1).reverse();
  return file(node.id, {
    type: node.type,
    name: node.name,
    path: `/${[...above, node].map(({ name }) => name).join('/')}`,
    parentId: node.parent?.id,
    ancestors: above.map(({ id }) => id),
    shares: node.shares,
    ...(node.inherits ? {} : { inherits: false }),
  });
}

/** Worked out by walking up the true tree. */
function expectedOf(node: Node): Expected {
  const { ancestors, path } = recordOf(node);
  let sharing = mostOpen(node.shares);
  let sharedVia: string | undefined;
  for (const [at, one] of chainOf(node).entries()) {
    if (!one.seen) continue;
    if (at > 0 && sharings.indexOf(mostOpen(one.shares)) > sharings.indexOf(sharing)) {
      sharing = mostOpen(one.shares);
      sharedVia = one.id;
    }
    if (!one.inherits) break;
  }
  return { ancestors, path, sharing, sharedVia };
}

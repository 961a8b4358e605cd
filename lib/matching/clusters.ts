import { TerminalError } from '../errors.ts';

/** Two records that Splink has compared; `left` and `right` are their numbers, from 0. */
export interface Pair {
  readonly left: number;
  readonly right: number;
  /** Match weight: log2 of the odds. */
  readonly weight: number;
}

/** Two records of which a person has said that they are the same, or not. */
export interface Verdict {
  readonly left: number;
  readonly right: number;
}

export interface ClusterOrder {
  /** Number of records. */
  readonly records: number;
  /** Pairs that are the same by weight. */
  readonly links: readonly Pair[];
  readonly same: readonly Verdict[];
  readonly different: readonly Verdict[];
}

/**
 * The cluster of each record, named by its smallest record. Without verdicts these are the connected components of the links. Records that a
 * person has put together are together; records that a person has told apart never are: links are taken from the strongest to the weakest, and one that
 * would bring such records together is left out.
 * @throws TerminalError where the verdicts contradict each other
 */
export function clusters({ records, links, same, different }: ClusterOrder): Int32Array {
  const sets = new DisjointSets(records);
  for (const { left, right } of same) sets.unite(left, right);
  for (const { left, right } of different) {
    if (!sets.separate(left, right))
      throw new TerminalError(
        'accepted and rejected pairs contradict each other; headgate match review list --all shows them, accept or reject again',
        { fault: 'source' },
      );
  }
  const strongestFirst = [...links].sort(
    (a, b) => b.weight - a.weight || a.left - b.left || a.right - b.right,
  );
  for (const { left, right } of strongestFirst) sets.unite(left, right);
  return sets.smallest();
}

/** Union by size, with pairs of sets that must not become one. */
class DisjointSets {
  readonly parent: Int32Array;
  readonly size: Int32Array;
  /** By root: roots of the sets that it must not be united with. */
  readonly apart = new Map<number, Set<number>>();

  constructor(count: number) {
    this.parent = Int32Array.from({ length: count }, (_, index) => index);
    this.size = new Int32Array(count).fill(1);
  }

  rootOf(record: number): number {
    let root = record;
    while (this.#above(root) !== root) {
      this.parent[root] = this.#above(this.#above(root));
      root = this.#above(root);
    }
    return root;
  }

  #above = (record: number): number => this.parent[record] ?? record;

  /** False where the two are one set already. */
  separate(left: number, right: number): boolean {
    const [a, b] = [this.rootOf(left), this.rootOf(right)];
    if (a === b) return false;
    this.#apartOf(a).add(b);
    this.#apartOf(b).add(a);
    return true;
  }

  /** False where they must stay apart. */
  unite(left: number, right: number): boolean {
    const [a, b] = [this.rootOf(left), this.rootOf(right)];
    if (a === b) return true;
    if (this.apart.get(a)?.has(b) === true) return false;
    const [large, small] = (this.size[a] ?? 0) >= (this.size[b] ?? 0) ? [a, b] : [b, a];
    this.parent[small] = large;
    this.size[large] = (this.size[large] ?? 0) + (this.size[small] ?? 0);
    for (const other of this.apart.get(small) ?? []) {
      this.#apartOf(other).delete(small);
      this.#apartOf(other).add(large);
      this.#apartOf(large).add(other);
    }
    this.apart.delete(small);
    return true;
  }

  #apartOf(root: number): Set<number> {
    const known = this.apart.get(root) ?? new Set();
    this.apart.set(root, known);
    return known;
  }

  /** By record: the smallest record of its set. */
  smallest(): Int32Array {
    const least = new Map<number, number>();
    return this.parent.map((_, record) => {
      const root = this.rootOf(record);
      const first = least.get(root) ?? record;
      least.set(root, first);
      return first;
    });
  }
}

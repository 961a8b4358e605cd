import type { Nesting } from '../contract/dataset.ts';
import { LIMITS } from './limits.ts';
import { escaped } from './paths.ts';
import { FormatProblem } from './problem.ts';

/** A place in nested records, by name below the place that holds it. */
export interface Place {
  readonly path: string;
  readonly children: Map<string, Place>;
  /** Number of the name in `Shape.names`, -1 where no value has stood here. */
  index: number;
  /** The contract names a place below this one. */
  readonly isInner: boolean;
  readonly isRows: boolean;
  /** Whether a column keeps the whole of what stands here as JSON text. */
  readonly kept: 'object' | 'list' | undefined;
}

/** Names of the places that are kept whole. */
export interface Kept {
  readonly objects: readonly string[];
  readonly lists: readonly string[];
}

/** The names of all values of a file's records, in the order in which they first appear, and how to find them again. */
export class Shape {
  readonly names: string[];
  readonly root: Place;
  readonly #nesting: Nesting;
  readonly #inner: ReadonlySet<string>;
  readonly #isFixed: boolean;
  readonly #kept: Kept;

  /** With the names of an earlier pass they stay as they are; without, they are found. */
  constructor(nesting: Nesting, names?: readonly string[], kept: Kept = { objects: [], lists: [] }) {
    this.#kept = kept;
    this.#nesting = nesting;
    this.#isFixed = names !== undefined;
    this.#inner = new Set(
      [...nesting.paths, ...(nesting.rows === undefined ? [] : [nesting.rows])].flatMap(above),
    );
    this.names = [...(names ?? [])];
    this.root = this.#place('');
  }

  child(parent: Place, name: string): Place {
    const known = parent.children.get(name);
    if (known !== undefined) return known;
    const step = escaped(name);
    const place = this.#place(parent === this.root ? step : `${parent.path}/${step}`);
    parent.children.set(name, place);
    if (parent.children.size > LIMITS.jsonKeys) throw tooMany();
    return place;
  }

  /** Number of the place's name, which is new where nothing has stood here before; -1: no name of the given ones. */
  indexOf(place: Place): number {
    if (place.index === -1 && !this.#isFixed) {
      place.index = this.names.push(place.path) - 1;
      if (this.names.length > LIMITS.jsonKeys) throw tooMany();
    }
    return place.index;
  }

  #place(path: string): Place {
    return {
      path,
      children: new Map(),
      index: this.#isFixed ? this.names.indexOf(path) : -1,
      isInner: this.#inner.has(path),
      isRows: path !== '' && path === this.#nesting.rows,
      kept: this.#kept.lists.includes(path)
        ? 'list'
        : this.#kept.objects.includes(path)
          ? 'object'
          : undefined,
    };
  }
}

const above = (path: string): readonly string[] =>
  path.split('/').map((_step, index, all) => all.slice(0, index).join('/'));

const tooMany = (): FormatProblem =>
  new FormatProblem('file.too_large', `the records have more than ${LIMITS.jsonKeys} different names`);

/** Where the records of a cluster were before: how many of them had which id. */
export interface Cluster {
  /** Name of its first record; stays the same as long as the record does. */
  readonly first: string;
  readonly records: number;
  readonly before: ReadonlyMap<string, number>;
}

/** What became of an id. `other`: the id that the records had before. */
export interface IdentityEvent {
  readonly event: 'created' | 'merged' | 'split' | 'moved' | 'ended';
  readonly id: string;
  readonly other: string | null;
  /** Records that it is about. */
  readonly records: number;
}

export interface Identities {
  /** Ids in the order of the clusters. */
  readonly ids: readonly string[];
  readonly events: readonly IdentityEvent[];
}

export interface History {
  /** Every id that was ever given, oldest first. */
  readonly known: readonly string[];
  /** Ids that records have now. */
  readonly active: ReadonlySet<string>;
  /** An id for a cluster, by its first record and the number of the attempt. */
  readonly idOf: (first: string, attempt: number) => string;
}

/**
 * Gives every cluster an id. One that grows or merges keeps the oldest id of its records; of clusters that were one before, the one with most of the
 * records keeps it (a tie: the one whose first record sorts first), the others get new ids. An id that is gone is never given again.
 */
export function identities(clusters: readonly Cluster[], { known, active, idOf }: History): Identities {
  const claims = new Map<string, Claim[]>();
  for (const [index, { before }] of clusters.entries())
    for (const [id, records] of before) claims.set(id, [...(claims.get(id) ?? []), { index, records }]);
  const ids = new Map<number, string>();
  const kept = new Set<string>();
  for (const id of known) {
    const [heir] = (claims.get(id) ?? [])
      .filter(({ index }) => !ids.has(index))
      .sort((a, b) => b.records - a.records || compare(clusters[a.index]?.first, clusters[b.index]?.first));
    if (heir === undefined) continue;
    ids.set(heir.index, id);
    kept.add(id);
  }
  const used = new Set(known);
  const events: IdentityEvent[] = [];
  const all = clusters.map(({ first, records, before }, index) => {
    const id = ids.get(index) ?? fresh(first, used, idOf);
    used.add(id);
    if (before.size === 0) events.push({ event: 'created', id, other: null, records });
    for (const [other, moved] of before) {
      if (other === id) continue;
      const event = !kept.has(other) ? 'merged' : kept.has(id) ? 'moved' : 'split';
      events.push({ event, id, other, records: moved });
    }
    return id;
  });
  for (const id of active) if (!claims.has(id)) events.push({ event: 'ended', id, other: null, records: 0 });
  return { ids: all, events };
}

interface Claim {
  readonly index: number;
  readonly records: number;
}

const compare = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);

function fresh(first: string, used: ReadonlySet<string>, idOf: History['idOf']): string {
  for (let attempt = 0; ; attempt++) {
    const id = idOf(first, attempt);
    if (!used.has(id)) return id;
  }
}

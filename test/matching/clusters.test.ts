import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ClusterOrder, clusters } from '../../lib/matching/clusters.ts';

const order = (change: Partial<ClusterOrder>): ClusterOrder => ({
  records: 5,
  links: [],
  same: [],
  different: [],
  ...change,
});
const link = (left: number, right: number, weight = 10) => ({ left, right, weight });

test('links make clusters, named by their smallest record', () => {
  expect([...clusters(order({ links: [link(3, 4), link(1, 3)] }))]).toEqual([0, 1, 2, 1, 1]);
});

test('a verdict puts records together that no link does', () => {
  expect([...clusters(order({ same: [{ left: 0, right: 4 }] }))]).toEqual([0, 1, 2, 3, 0]);
});

test('of two ways to bring records together that are apart, the weaker link is left out', () => {
  const links = [link(0, 1, 20), link(1, 2, 12)];
  expect([...clusters(order({ links, different: [{ left: 0, right: 2 }] }))]).toEqual([0, 0, 2, 3, 4]);
  expect([
    ...clusters(order({ links: [link(0, 1, 9), link(1, 2, 12)], different: [{ left: 0, right: 2 }] })),
  ]).toEqual([0, 1, 1, 3, 4]);
});

test('verdicts that contradict each other stop the run', () => {
  const same = [
    { left: 0, right: 1 },
    { left: 1, right: 2 },
  ];
  expect(() => clusters(order({ same, different: [{ left: 0, right: 2 }] }))).toThrow(
    'accepted and rejected pairs contradict each other; headgate match review list --all shows them',
  );
});

const RECORDS = 12;
const pair = fc
  .tuple(fc.nat(RECORDS - 1), fc.nat(RECORDS - 1))
  .filter(([left, right]) => left < right)
  .map(([left, right]) => ({ left, right }));
const links = fc.array(fc.tuple(pair, fc.nat(5)).map(([each, weight]) => ({ ...each, weight })));

/** Every record reachable over links, by walking. */
function reachable(
  from: number,
  edges: readonly { readonly left: number; readonly right: number }[],
): number {
  const seen = new Set([from]);
  for (const record of seen)
    for (const { left, right } of edges) {
      if (left === record) seen.add(right);
      if (right === record) seen.add(left);
    }
  return Math.min(...seen);
}

test('without verdicts clusters are the connected components, in whatever order links come', () => {
  fc.assert(
    fc.property(links, (all) => {
      const found = [...clusters(order({ records: RECORDS, links: all }))];
      expect(found).toEqual(Array.from({ length: RECORDS }, (_, record) => reachable(record, all)));
      expect([...clusters(order({ records: RECORDS, links: all.toReversed() }))]).toEqual(found);
    }),
  );
});

test('records that a person has told apart never stand together, those put together always do, and no cluster needs another link', () => {
  fc.assert(
    fc.property(
      links,
      fc.array(pair, { maxLength: 3 }),
      fc.array(pair, { maxLength: 6 }),
      (all, same, apart) => {
        const together = (left: number, right: number) => reachable(left, same) === reachable(right, same);
        const different = apart.filter(({ left, right }) => !together(left, right));
        const found = clusters(order({ records: RECORDS, links: all, same, different }));
        for (const { left, right } of same) expect(found[left]).toBe(found[right]);
        for (const { left, right } of different) expect(found[left]).not.toBe(found[right]);
        // A link between two clusters is there only where a verdict forbids to unite them.
        for (const { left, right } of all) {
          const [a, b] = [found[left], found[right]];
          if (a === b) continue;
          const forbidden = different.some(
            (each) =>
              (found[each.left] === a && found[each.right] === b) ||
              (found[each.left] === b && found[each.right] === a),
          );
          expect(forbidden).toBe(true);
        }
      },
    ),
  );
});

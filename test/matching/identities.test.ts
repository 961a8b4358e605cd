import { expect, test } from '@jest/globals';
import { type Cluster, identities } from '../../lib/matching/identities.ts';

const cluster = (first: string, before: Readonly<Record<string, number>> = {}, records = 0): Cluster => ({
  first,
  records: records || Object.values(before).reduce((sum, each) => sum + each, 0) || 1,
  before: new Map(Object.entries(before)),
});
const idOf = (first: string, attempt: number) => `${first}.${attempt}`;
/** Ids in the order in which they were given. */
const after = (known: readonly string[], clusters: readonly Cluster[]) =>
  identities(clusters, { known, active: new Set(known), idOf });

test('a cluster that nobody has seen gets a new id', () => {
  expect(after([], [cluster('a', {}, 2), cluster('b')])).toEqual({
    ids: ['a.0', 'b.0'],
    events: [
      { event: 'created', id: 'a.0', other: null, records: 2 },
      { event: 'created', id: 'b.0', other: null, records: 1 },
    ],
  });
});

test('one that grows keeps its id without a word', () => {
  expect(after(['old'], [cluster('a', { old: 2 }, 3)])).toEqual({ ids: ['old'], events: [] });
});

test('clusters that become one keep the oldest id, however few its records are', () => {
  expect(after(['old', 'young'], [cluster('a', { young: 5, old: 1 })])).toEqual({
    ids: ['old'],
    events: [{ event: 'merged', id: 'old', other: 'young', records: 5 }],
  });
});

test('of clusters that were one, the one with most of the records keeps the id, the others get ids that nobody has had', () => {
  expect(after(['a.0'], [cluster('b', { 'a.0': 2 }), cluster('a', { 'a.0': 1 })])).toEqual({
    ids: ['a.0', 'a.1'],
    events: [{ event: 'split', id: 'a.1', other: 'a.0', records: 1 }],
  });
});

test('a tie goes to the cluster whose first record sorts first', () => {
  expect(after(['old'], [cluster('b', { old: 1 }), cluster('a', { old: 1 })]).ids).toEqual(['b.0', 'old']);
});

test('a record that goes from one cluster to another is told as moved', () => {
  expect(after(['one', 'two'], [cluster('a', { one: 2 }), cluster('b', { one: 1, two: 3 })])).toEqual({
    ids: ['one', 'two'],
    events: [{ event: 'moved', id: 'two', other: 'one', records: 1 }],
  });
});

test('an id without records has ended, and is not given again', () => {
  expect(after(['a.0', 'other'], [cluster('b', { other: 1 })])).toEqual({
    ids: ['other'],
    events: [{ event: 'ended', id: 'a.0', other: null, records: 0 }],
  });
  expect(identities([cluster('a')], { known: ['a.0'], active: new Set(), idOf }).ids).toEqual(['a.1']);
});

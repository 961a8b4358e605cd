import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readEntities } from '../../lib/adapters/local/contracts.ts';
import { sqliteLedger } from '../../lib/adapters/local/sqlite-ledger.ts';
import { type Entity, entityId } from '../../lib/contract/entity.ts';
import { partitions } from '../../lib/ledger/entries.ts';
import { type Decision, decide, decisionsOf, reviewId } from '../../lib/matching/decisions.ts';
import { ordered, reviewPairs } from '../../lib/matching/review.ts';
import type { QueryEngine } from '../../lib/ports/query-engine.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('decisions');
const entity = readEntities(join(ROOT, 'contracts/customers'))[0] as Entity;

const crm = { source: 'customers/crm', id: '1' };
const web = { source: 'customers/web', id: 'a' };
const card = { source: 'customers/loyalty', id: 'L' };
type Names = Pick<Decision, 'left' | 'right'>;

function deciding(name: string) {
  const ledger = sqliteLedger(join(folder, `${name}.db`));
  const clock = { now: () => new Date('2026-05-01T00:00:00Z') };
  return {
    ledger,
    decide: (pair: Names, state: Decision['state']) =>
      decide({ ledger, clock }, entity, { left: pair.left, right: pair.right, state, by: 'ann' }),
    states: async () => (await decisionsOf(ledger, entity)).map((each) => `${reviewId(each)} ${each.state}`),
  };
}

test('a decision can be changed after the contract has put its sources in another order', async () => {
  const people = deciding('turned');
  const before = ordered(entity, crm, web);
  await people.decide(before, 'accepted');
  const turned: Entity = { ...entity, sources: entity.sources.toReversed() };
  const after = ordered(turned, crm, web);
  expect(after).toEqual({ left: before.right, right: before.left });
  await people.decide(after, 'rejected');
  expect(await people.states()).toEqual([`${reviewId(before)} rejected`]);
});

test('a decision about a record that is gone is shown, so that it can be changed where it stands against another', async () => {
  const people = deciding('gone');
  await people.ledger.transact([
    { kind: 'put', partition: partitions.matchRuns(entityId(entity)), sort: 'run', body: {} },
  ]);
  // The review table of the last run: none of the records that are there have been compared.
  const engine: QueryEngine = { query: async () => ({ columns: [], rows: [] }) };
  const [first, second, third] = [
    ordered(entity, crm, web),
    ordered(entity, web, card),
    ordered(entity, crm, card),
  ];
  await people.decide(first, 'accepted');
  await people.decide(second, 'accepted');
  await expect(people.decide(third, 'rejected')).rejects.toThrow('match review list --all');
  const shown = await reviewPairs(people, entity, engine);
  expect(shown.map(({ id, state }) => `${id} ${state}`).sort()).toEqual((await people.states()).sort());
  const pair = shown.find(({ id }) => id === reviewId(first));
  if (pair === undefined) throw new Error('not shown');
  expect(pair).toMatchObject({ left: crm, right: web, probability: null, evidence: null, by: 'ann' });
  await people.decide(pair, 'rejected');
  await people.decide(third, 'rejected');
});

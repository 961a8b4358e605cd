import { expect, test } from '@jest/globals';
import { parseContract } from '../../lib/contract/parse.ts';
import { classChanges, classesOf, upTo } from '../../lib/privacy/classes.ts';
import { ordersContract } from '../support/orders-contract.ts';

const [dataset] = parseContract(
  ordersContract(
    'classes',
    `      - { name: id, logicalType: integer, required: true }
      - { name: margin, logicalType: integer, classification: internal }
      - name: phone
        logicalType: string
        customProperties: [{ property: pii, value: { kind: phone, action: mask } }]
      - name: iban
        logicalType: string
        classification: secret
        customProperties: [{ property: pii, value: { kind: iban, action: vault } }]`,
  ),
  'classes.odcs.yaml',
).datasets;
if (dataset === undefined) throw new Error('the contract has no dataset');

const columns = ['id', 'margin', 'phone', 'iban', '_run_id'];
const change = (classes: Readonly<Record<string, string>>, more: readonly string[] = []) => {
  const { assign, remove } = classChanges(classesOf(dataset.columns), {
    columns: [...columns, ...more],
    classes: new Map(Object.entries(classes)),
  });
  return { assign: Object.fromEntries(assign), remove: Object.fromEntries(remove) };
};
const STANDING = { margin: 'internal', phone: 'restricted', iban: 'secret' };

test('a column has the class of its contract; what is personal is restricted at least', () => {
  expect(change({})).toEqual({
    assign: { internal: ['margin'], restricted: ['phone'], secret: ['iban'] },
    remove: {},
  });
});

test('nothing changes where everything is as it should be', () => {
  expect(change(STANDING)).toEqual({ assign: {}, remove: {} });
});

test('a class that the contract no longer gives is taken away, one that it changes is replaced', () => {
  expect(change({ ...STANDING, id: 'confidential', margin: 'secret' })).toEqual({
    assign: { internal: ['margin'] },
    remove: { confidential: ['id'] },
  });
});

test('a column that the contract no longer describes keeps its class, for its old values are still there', () => {
  expect(change({ ...STANDING, former: 'secret' }, ['former'])).toEqual({ assign: {}, remove: {} });
});

test('only columns that the table has are given a class', () => {
  const none = { columns: ['id'], classes: new Map() };
  expect(classChanges(classesOf(dataset.columns), none)).toEqual({ assign: new Map(), remove: new Map() });
});

test('who sees a class sees the less dangerous ones', () => {
  expect(upTo('public')).toEqual(['public']);
  expect(upTo('restricted')).toEqual(['public', 'internal', 'restricted']);
  expect(upTo('secret')).toHaveLength(5);
});

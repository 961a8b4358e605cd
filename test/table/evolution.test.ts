import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evolved } from '../../lib/table/evolution.ts';
import type { Field, FieldType } from '../../lib/table/schema.ts';

const field = (id: number, name: string, type: FieldType = 'string', required = false): Field => ({
  id,
  name,
  type,
  required,
});
const TABLE = [field(1, 'id', 'int', true), field(2, 'amount', 'decimal(9, 2)'), field(3, 'note')];
const follow = (schema: readonly Field[], formerNames: Record<string, string[]> = {}) =>
  evolved(TABLE, 3, { schema, formerNames });

describe('columns of a table after its contract changed', () => {
  test('stay as they are where nothing changed, whatever ids the contract counts', () => {
    expect(follow(TABLE.map((each) => ({ ...each, id: 99 })))).toEqual({
      schema: TABLE,
      lastColumnId: 3,
      changes: [],
      problems: [],
    });
  });

  test('are added under new ids, in the order of the contract', () => {
    const { schema, lastColumnId, changes } = follow([
      field(1, 'id', 'int', true),
      field(2, 'city'),
      ...TABLE.slice(1),
    ]);
    expect(schema.map(({ id, name }) => [id, name])).toEqual([
      [1, 'id'],
      [4, 'city'],
      [2, 'amount'],
      [3, 'note'],
    ]);
    expect({ lastColumnId, changes }).toEqual({ lastColumnId: 4, changes: ['city added'] });
  });

  test('are widened, renamed and made optional under their ids', () => {
    const wanted = [field(1, 'key', 'long'), field(2, 'amount', 'decimal(18, 2)'), field(3, 'note')];
    expect(follow(wanted, { key: ['id'] })).toEqual({
      schema: [field(1, 'key', 'long'), field(2, 'amount', 'decimal(18, 2)'), field(3, 'note')],
      lastColumnId: 3,
      changes: [
        'id renamed to key',
        'key widened from int to long',
        'key made optional',
        'amount widened from decimal(9, 2) to decimal(18, 2)',
      ],
      problems: [],
    });
  });

  test('stay in the table when the contract drops them, and come back under their ids', () => {
    const table = [field(1, 'id', 'int'), ...TABLE.slice(1)];
    const dropped = evolved(table, 3, { schema: TABLE.slice(1), formerNames: {} });
    expect(dropped.schema.at(-1)).toEqual(field(1, 'id', 'int'));
    const back = evolved(dropped.schema, 3, {
      schema: [field(7, 'note'), field(8, 'id', 'long')],
      formerNames: {},
    });
    expect(back.schema.map(({ id, name }) => `${id} ${name}`)).toEqual(['3 note', '1 id', '2 amount']);
    expect(back.lastColumnId).toBe(3);
  });

  test('can’t go where every row must have them', () => {
    expect(follow(TABLE.slice(1)).problems).toEqual([
      'id is required in the table and the contract no longer has it',
    ]);
  });

  test('with nested ids are numbered after the last one', () => {
    const list: FieldType = {
      type: 'list',
      'element-id': 1,
      'element-required': true,
      element: { type: 'struct', fields: [field(1, 'code')] },
    };
    const { schema, lastColumnId } = follow([...TABLE, field(9, 'reasons', list)]);
    expect(schema.at(-1)).toEqual(
      field(4, 'reasons', {
        ...list,
        'element-id': 5,
        element: { type: 'struct', fields: [field(6, 'code')] },
      }),
    );
    expect(lastColumnId).toBe(6);
  });

  test.each<[string, Field, string]>([
    [
      'narrowed',
      field(2, 'amount', 'decimal(5, 2)'),
      'a decimal with more than 9 digits, 2 of them after the point',
    ],
    ['given another scale', field(2, 'amount', 'decimal(18, 3)'), "it can't become decimal(18, 3)"],
    [
      'given another type',
      field(1, 'id', 'string'),
      "id is int in the table: it can't become string; allowed: int, long",
    ],
    ['made required', field(3, 'note', 'string', true), 'rows of before may have no value'],
    ['new and required', field(4, 'city', 'string', true), 'city is new and required'],
  ])('are not %s', (_what, changed, why) => {
    const wanted = [...TABLE.filter(({ name }) => name !== changed.name), changed];
    expect(follow(wanted).problems.join()).toContain(why);
  });

  test('never take a former name that is a column of its own', () => {
    const { schema, changes } = follow([...TABLE, field(4, 'remark')], { remark: ['note'] });
    expect(schema.map(({ id, name }) => `${id} ${name}`)).toEqual(['1 id', '2 amount', '3 note', '4 remark']);
    expect(changes).toEqual(['remark added']);
  });

  test('keep one id for life over any number of contracts', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(names, { minLength: 2, maxLength: 8 }), (contracts) => {
        let schema: readonly Field[] = [];
        let last = 0;
        const idOf = new Map<string, number>();
        for (const contract of contracts) {
          const next = evolved(schema, last, {
            schema: contract.map((name) => field(0, name)),
            formerNames: {},
          });
          expect(next.problems).toEqual([]);
          expect(next.schema.slice(0, contract.length).map(({ name }) => name)).toEqual(contract);
          for (const { id, name } of next.schema) {
            expect(idOf.get(name) ?? id).toBe(id);
            idOf.set(name, id);
          }
          expect(new Set(next.schema.map(({ id }) => id)).size).toBe(next.schema.length);
          expect(next.schema).toHaveLength(idOf.size);
          ({ schema, lastColumnId: last } = next);
        }
        expect(last).toBe(idOf.size);
      }),
    );
  });
});

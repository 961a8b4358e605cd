import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bumpOf, compareContracts } from '../../lib/contract/compare.ts';
import { loadContracts, parseContract } from '../../lib/contract/parse.ts';
import { splinkSettings } from '../../lib/matching/settings.ts';
import { ROOT } from '../support/headgate.ts';

const files = ['crm', 'customers', 'loyalty', 'web'].map((name) => ({
  file: `${name}.odcs.yaml`,
  text: readFileSync(join(ROOT, `contracts/customers/${name}.odcs.yaml`), 'utf8'),
}));
const changed = (name: string, from: string, to: string) => {
  const text = files.find(({ file }) => file === `${name}.odcs.yaml`)?.text ?? '';
  expect(text).toContain(from);
  return () =>
    loadContracts(
      files.map((each) =>
        each.file === `${name}.odcs.yaml` ? { ...each, text: text.replace(from, to) } : each,
      ),
    );
};

test('an entity names its sources, what they are compared by, and which value stays', () => {
  const { entities } = loadContracts(files);
  expect(entities).toMatchObject([
    {
      domain: 'customers',
      name: 'customers',
      id: 'customer_id',
      sources: [
        { dataset: { name: 'crm' }, id: ['customer_number'] },
        { dataset: { name: 'web' }, id: ['account'] },
        { dataset: { name: 'loyalty' }, id: ['card_number'] },
      ],
      certain: { recall: 0.7 },
      survivorship: { surname: ['frequent', 'longest'] },
    },
  ]);
  expect(Object.isFrozen(entities[0]?.comparisons)).toBe(true);
});

test('its settings for Splink mean the same to every engine: no quotes, no functions that one of them lacks', () => {
  const [entity] = loadContracts(files).entities;
  if (entity === undefined) throw new Error('no entity');
  const settings = splinkSettings({
    ...entity,
    comparisons: [{ column: 'surname', distances: [1, 2], frequency: true }],
    blocking: [['surname', 'postcode'], ['state']],
  });
  expect(settings).toEqual({
    link_type: 'dedupe_only',
    unique_id_column_name: 'n',
    comparisons: [
      {
        output_column_name: 'v_surname',
        comparison_levels: [
          {
            sql_condition: 'v_surname_l IS NULL OR v_surname_r IS NULL',
            label_for_charts: 'empty',
            is_null_level: true,
          },
          {
            sql_condition: 'v_surname_l = v_surname_r',
            label_for_charts: 'equal',
            tf_adjustment_column: 'v_surname',
            tf_adjustment_weight: 1,
          },
          { sql_condition: 'levenshtein(v_surname_l, v_surname_r) <= 1', label_for_charts: 'within 1' },
          { sql_condition: 'levenshtein(v_surname_l, v_surname_r) <= 2', label_for_charts: 'within 2' },
          { sql_condition: 'ELSE', label_for_charts: 'differs' },
        ],
      },
    ],
    blocking_rules_to_generate_predictions: [
      { blocking_rule: 'l.v_surname = r.v_surname AND l.v_postcode = r.v_postcode' },
      { blocking_rule: 'l.v_state = r.v_state' },
    ],
    retain_matching_columns: true,
    retain_intermediate_calculation_columns: false,
  });
});

describe('an entity is refused by file, path, value and what is allowed', () => {
  test.each([
    ['an unknown key', 'customers', 'blocking:', 'blockings:', '"blockings" is not known here'],
    [
      'an unknown criterion',
      'customers',
      'surname: [frequent, longest]',
      'surname: [tallest]',
      '"tallest" is not allowed; allowed: source, newest, oldest, longest, frequent',
    ],
    [
      'a comparison of no column',
      'customers',
      '{ column: state }',
      '{ column: stat }',
      'comparisons[7].column: column stat does not exist; allowed: given_name, surname',
    ],
    [
      'a source that is none',
      'customers',
      'dataset: web',
      'dataset: shop',
      'sources[1].dataset: there is no dataset shop in domain customers; allowed: crm, loyalty, web',
    ],
    [
      'a band of doubt upside down',
      'customers',
      '{ link: 0.95, review: 0.5 }',
      '{ link: 0.5, review: 0.9 }',
      'thresholds.review: review (0.9) must be below link (0.5)',
    ],
    [
      'a column in every blocking list',
      'customers',
      '            - [date_of_birth]\n            - [soc_sec_id]\n            - [surname, postcode]\n            - [given_name, postcode]\n            - [address_1]\n',
      '            - [given_name, postcode]\n',
      'blocking: given_name stands in every list',
    ],
    [
      'distances that do not ascend',
      'customers',
      '{ column: suburb, distances: [1, 2] }',
      '{ column: suburb, distances: [2, 1] }',
      'comparisons[5].distances: distances must ascend',
    ],
    [
      'other protection than the source’s',
      'customers',
      'kind: national id, action: vault',
      'kind: national id, action: tokenize',
      'tokens of soc_sec_id are equal or not, they have no distance',
    ],
    [
      'a source whose protection differs',
      'web',
      'kind: address, action: vault',
      'kind: address, action: mask',
      'address_1: pii action is vault here and mask in web (address_1)',
    ],
    [
      'a column that nothing fills',
      'customers',
      '      - name: state\n',
      '      - name: country\n        logicalType: string\n      - name: state\n',
      'sources: no source has a column country',
    ],
    [
      'a check that nobody would make',
      'customers',
      '      - name: suburb\n        logicalType: string\n',
      '      - name: suburb\n        logicalType: string\n        logicalTypeOptions: { maxLength: 3 }\n',
      'logicalTypeOptions has no meaning for a matched column; say it in the contracts of the sources',
    ],
    [
      'matching in the wrong place',
      'customers',
      '      - name: suburb\n        logicalType: string\n',
      '      - name: suburb\n        logicalType: string\n        customProperties: [{ property: matching, value: 1 }]\n',
      'matching belongs to a schema object, not here',
    ],
    [
      'a table that two things would fill',
      'crm',
      '  - name: crm\n',
      '  - name: customers_xref\n',
      'table customers.customers_xref belongs to a dataset of that name',
    ],
    [
      'a record named by personal data',
      'customers',
      '- dataset: crm\n',
      '- dataset: crm\n              id: [surname]\n',
      "sources[0].id[0]: surname is personal and can't name a record",
    ],
  ])('%s', (_what, name, from, to, message) => {
    expect(changed(name, from, to)).toThrow(message);
    expect(changed(name, from, to)).toThrow(/^c\w+\.odcs\.yaml:\d+ schema\[0\]/m);
  });
});

test('a change of how records are matched needs a major version, one more column a minor one', () => {
  const text = files.find(({ file }) => file === 'customers.odcs.yaml')?.text ?? '';
  const changes = (from: string, to: string) => {
    expect(text).toContain(from);
    return compareContracts(
      parseContract(text, 'before.odcs.yaml'),
      parseContract(text.replace(from, to), 'after.odcs.yaml'),
    );
  };
  const other = changes('link: 0.95', 'link: 0.9');
  expect([bumpOf(other), other.map(({ what }) => what)]).toEqual(['major', ['matching.thresholds']]);
  const more = changes(
    '      - name: state\n',
    '      - name: country\n        logicalType: string\n      - name: state\n',
  );
  expect([bumpOf(more), more.map(({ what, effect }) => [what, effect])]).toEqual([
    'minor',
    [['country', 'compatible']],
  ]);
  expect(bumpOf(changes('One row per person.', 'A row per person.'))).toBe('patch');
});

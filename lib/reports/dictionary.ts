import type { RowCheck, RowTest } from '../contract/dataset.ts';
import { type BatchCheck, type Column, type Dataset, datasetId, type Pii } from '../contract/dataset.ts';
import { type Entity, entityId } from '../contract/entity.ts';
import type { Contracts } from '../contract/parse.ts';
import { sources } from '../contract/sources.ts';
import { typeText } from '../contract/widening.ts';
import { MATCH_TABLES, matchTable } from '../matching/tables.ts';
import { tableOf } from '../plan/tables.ts';
import { classOfColumn } from '../privacy/classes.ts';
import { expected } from '../quality/gate.ts';
import type { Mart } from './marts.ts';
import { idOf, martTable, tablesIn } from './references.ts';

/** What contracts and marts say of the tables that people read, as plain data; `dictionaryText` prints the same. */
export interface Dictionary {
  readonly datasets: readonly TableEntry[];
  readonly marts: readonly MartEntry[];
}

export interface TableEntry extends Pick<Dataset, 'description' | 'about'> {
  /** `payments/transactions` */
  readonly id: string;
  readonly contract: string;
  /** The table itself first, then what Headgate keeps beside it. */
  readonly tables: readonly string[];
  /** How rows get into the table, in words. */
  readonly written: string;
  readonly partitionedBy: readonly string[];
  readonly service: readonly string[];
  /** Landing patterns with their formats, or datasets whose records are matched. */
  readonly from: readonly string[];
  /** Marts, and what is matched from it: those that name any of the tables themselves. */
  readonly readBy: readonly string[];
  /** Of rows and batches as a whole. */
  readonly rules: readonly string[];
  readonly columns: readonly ColumnEntry[];
}

export interface ColumnEntry
  extends Pick<Column, 'name' | 'required' | 'unique' | 'description' | 'classification' | 'formerNames'> {
  readonly type: string;
  readonly isKey: boolean;
  /** Of a personal column: `shown` is what of a value stands in the table. */
  readonly personal?: Pii & { readonly shown: string };
  readonly rules: readonly string[];
  /** Other names under which sources send it. */
  readonly sourceNames: readonly string[];
}

export interface MartEntry extends Pick<Mart, 'purpose' | 'grain' | 'parameters' | 'zone'> {
  readonly name: string;
  readonly reads: readonly string[];
  readonly readBy: readonly string[];
}

/** @throws TerminalError for a mart that is no SQL of Athena's */
export function dictionary({ datasets, entities }: Contracts, marts: readonly Mart[]): Dictionary {
  const named = marts.map((mart) => ({
    ...mart,
    name: idOf(martTable(mart)),
    reads: tablesIn(mart.sql).map(idOf).sort(),
  }));
  const readersOf = (tables: readonly string[]) =>
    named.filter(({ reads }) => tables.some((table) => reads.includes(table))).map(({ name }) => name);
  const matchedFrom = (id: string) =>
    entities.filter((entity) => sourceIds(entity).includes(id)).map(entityId);
  const entries = [...datasets.map(ofDataset), ...entities.map(ofEntity)];
  return {
    datasets: entries
      .map((entry) => ({ ...entry, readBy: [...matchedFrom(entry.id), ...readersOf(entry.tables)] }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    marts: named.map(({ name, purpose, grain, parameters, zone, reads }) => {
      const readBy = readersOf([name]);
      return { name, purpose, grain, parameters, zone, reads, readBy };
    }),
  };
}

const contractText = ({ contract }: Dataset | Entity): string =>
  `${contract.file}, version ${contract.version}`;

function ofDataset(dataset: Dataset): Omit<TableEntry, 'readBy'> {
  const { about, description, columns, rowChecks, batchChecks, service, dedupe } = dataset;
  const outputs = [
    'curated',
    'quarantine',
    ...(dataset.raw ? (['raw'] as const) : []),
    ...(dataset.earlier ? (['earlier'] as const) : []),
    ...(columns.some(({ pii }) => pii?.action === 'vault') ? (['vault'] as const) : []),
  ] as const;
  const sent = sources(dataset);
  const namesIn = (name: string) =>
    sent.flatMap((each) => each.columns.find((column) => column.name === name)?.sourceNames ?? []);
  return {
    id: datasetId(dataset),
    ...(description === undefined ? {} : { description }),
    about,
    contract: contractText(dataset),
    tables: outputs.map((output) => idOf(tableOf(dataset, output))),
    written: writtenText(dataset),
    partitionedBy: columns
      .flatMap(({ name, partition }) => (partition === undefined ? [] : [{ name, ...partition }]))
      .sort((a, b) => a.position - b.position)
      .map(({ name, transform }) => (transform === 'identity' ? name : `${transform} of ${name}`)),
    service: service.map(({ property, value, unit = '' }) => `${property} ${value} ${unit}`.trim()),
    from: sent.map(({ landing, format }) => `${landing} (${format.kind})`),
    rules: [
      ...rowChecks.filter(({ column }) => column === undefined).map(ruleText),
      ...batchChecks.map(batchText),
    ],
    columns: columns.map((column) => ({
      ...ofColumn(column),
      isKey: dedupe?.keys.includes(column.name) ?? column.primaryKey !== undefined,
      rules: rowChecks
        .filter((check) => check.column === column.name && check.test.kind !== 'required')
        .map(ruleText),
      sourceNames: [...new Set(namesIn(column.name))].filter((name) => name !== column.name),
    })),
  };
}

const sourceIds = ({ sources: matched }: Entity) => matched.map(({ dataset }) => datasetId(dataset));

function ofEntity(entity: Entity): Omit<TableEntry, 'readBy'> {
  const { id, classification, about, description, fields } = entity;
  const key = { name: id, type: 'string', isKey: true, required: true, unique: true, classification };
  return {
    id: entityId(entity),
    ...(description === undefined ? {} : { description }),
    about,
    contract: contractText(entity),
    tables: MATCH_TABLES.map((table) => idOf(matchTable(entity, table))).reverse(),
    written: 'headgate match run makes one row of all records that are the same',
    partitionedBy: [],
    service: [],
    from: sourceIds(entity),
    rules: [],
    columns: [{ ...key, rules: [], sourceNames: [], formerNames: [] }, ...fields.map(ofColumn)],
  };
}

function ofColumn(column: Column): ColumnEntry {
  const { name, type, required, unique, description, pii, formerNames } = column;
  return {
    name,
    type: typeText(type),
    isKey: false,
    required,
    unique,
    ...(description === undefined ? {} : { description }),
    classification: classOfColumn(column),
    ...(pii === undefined ? {} : { personal: { ...pii, shown: SHOWN[pii.action] } }),
    rules: [],
    sourceNames: [],
    formerNames,
  };
}

const SHOWN: Readonly<Record<Pii['action'], string>> = {
  tokenize: 'a token stands for the value',
  vault: 'a token stands for the value, which the vault keeps',
  mask: 'the last four signs show, of twelve or more',
  redact: 'a constant stands for every value',
  drop: 'the table has no such column',
};

function writtenText({ writeMode, dedupe, history }: Dataset): string {
  const order = dedupe?.orderBy === undefined ? 'in the order of files' : `by ${dedupe.orderBy}`;
  const wins =
    dedupe === undefined ? '' : `; key ${dedupe.keys.join(', ')}, the ${dedupe.keep} ${order} stands`;
  const how: Readonly<Record<Dataset['writeMode'], string>> = {
    append: 'rows are added',
    merge: 'a row takes the place of the one with its key',
    scd2: `each change of a key is a row, which holds from ${history?.effectiveFrom} up to ${history?.effectiveTo}`,
    replacePartitions: 'the newest file of a partition is the partition',
    replace: 'the newest file is the table',
  };
  return `${writeMode}: ${how[writeMode]}${wins}`;
}

const OTHERWISE = {
  warn: 'else a warning',
  quarantine: 'else the row is refused',
  rejectFile: 'else the file is refused',
  hold: 'else the batch is held',
} as const;

const ruleText = ({ key, column, test, action }: RowCheck): string =>
  `${column === undefined ? `${key}: ` : ''}${testText(test)}, ${OTHERWISE[action]}`;

const batchText = (check: BatchCheck): string => {
  const { key, measure, unit, action } = check;
  const asked = measure.kind === 'sql' ? ` (\`${measure.query}\`)` : '';
  return `${key}${asked}: ${expected(check)} ${unit}, ${OTHERWISE[action]}`;
};

function testText(test: RowTest): string {
  const limits = (words: Readonly<Record<string, string | number | undefined>>) =>
    Object.entries(words)
      .flatMap(([word, limit]) => (limit === undefined ? [] : [`${word} ${limit}`]))
      .join(', ');
  switch (test.kind) {
    case 'required':
      return 'required';
    case 'length':
      return `length ${limits({ 'at least': test.min, 'at most': test.max })}`;
    case 'pattern':
      return `matches \`${test.pattern}\``;
    case 'range': {
      const { min, max, exclusiveMin: above, exclusiveMax: below } = test;
      return limits({ 'at least': min, 'at most': max, above, below });
    }
    case 'multipleOf':
      return `a multiple of ${test.of}`;
    case 'allowed':
      return `one of ${test.values.join(', ')}`;
    case 'forbidden':
      return `none of ${test.values.join(', ')}`;
    case 'predicate':
      return `\`${test.sql}\``;
  }
}

/** Lines that read well on a terminal and are Markdown. */
export const dictionaryText = ({ datasets, marts }: Dictionary): readonly string[] =>
  [...datasets.map(tableLines), ...marts.map(martLines)].flatMap((lines, index) =>
    index === 0 ? lines : ['', ...lines],
  );

const code = (texts: readonly string[]): string => texts.map((text) => `\`${text}\``).join(', ');
const item = (what: string, text: string): readonly string[] => (text === '' ? [] : [`- ${what}: ${text}`]);
const present = (...texts: readonly (string | undefined)[]) => texts.filter((text) => text !== undefined);

const tableLines = ({ about, columns, ...entry }: TableEntry): readonly string[] => [
  `## ${entry.id}`,
  '',
  present(entry.description, about.purpose, about.usage, about.limitations).join(' '),
  '',
  ...item('table', code(entry.tables.slice(0, 1))),
  ...item('beside it', code(entry.tables.slice(1))),
  ...item('owner', present(about.owner, about.team).join(', ') || 'nobody'),
  ...item('support', about.support.join(', ')),
  ...item('contract', entry.contract),
  ...item('written', entry.written),
  ...item('partitioned by', entry.partitionedBy.join(', ')),
  ...item('service', entry.service.join(', ')),
  ...item('from', code(entry.from)),
  ...item('read by', code(entry.readBy) || 'no mart'),
  ...entry.rules.flatMap((rule) => item('rule', rule)),
  '',
  ...columns.map(columnLine),
];

function columnLine(column: ColumnEntry): string {
  const { name, type, isKey, required, unique, classification, personal, description } = column;
  const facts = [
    type,
    ...(isKey ? ['key'] : []),
    ...(required ? ['required'] : []),
    ...(unique ? ['unique'] : []),
    ...(classification === 'public' ? [] : [classification]),
  ];
  const sentences = [
    `- **${name}** ${facts.join(', ')}`,
    ...present(description?.replace(/\.$/, '')),
    ...(personal === undefined ? [] : [`Personal (${personal.kind}, ${personal.action}): ${personal.shown}`]),
    ...column.rules.map((rule) => `Rule: ${rule}`),
    ...(column.sourceNames.length === 0 ? [] : [`Sources call it ${code(column.sourceNames)}`]),
    ...(column.formerNames.length === 0 ? [] : [`Formerly ${code(column.formerNames)}`]),
  ];
  return sentences.join('. ');
}

const martLines = ({ name, purpose, grain, parameters, zone, ...mart }: MartEntry): readonly string[] => [
  `## ${name}`,
  '',
  purpose,
  '',
  ...item('grain', grain),
  ...item('parameters', parameters),
  ...item('zone', zone),
  ...item('reads', code(mart.reads)),
  ...item('read by', code(mart.readBy)),
];

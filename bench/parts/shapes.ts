// Inputs of other shapes than transactions: the columns of the contract that takes each, how it is written, and what reads it with nothing else.
import { stringify } from 'yaml';

interface Column {
  readonly name: string;
  readonly logicalType: string;
  readonly physicalType?: string;
  readonly required?: boolean;
  /** Place in a record of JSON. */
  readonly path?: string;
}

export interface Shape {
  readonly format: 'csv' | 'jsonl';
  readonly columns: readonly Column[];
  readonly bytesARow: number;
  /** Select of the rows `i` of a relation `r`. */
  readonly rows: string;
  /** Select of typed columns from a file. */
  readonly read: (file: string) => string;
}

const KINDS = [
  { kind: { logicalType: 'string' }, type: 'VARCHAR', value: (n: string) => `'text ' || ${n} % 10000` },
  { kind: { logicalType: 'integer' }, type: 'BIGINT', value: (n: string) => `${n} % 1000000` },
  {
    kind: { logicalType: 'number', physicalType: 'decimal(18,2)' },
    type: 'DECIMAL(18,2)',
    value: (n: string) => `((${n} % 1000000) / 100)::DECIMAL(18,2)`,
  },
  {
    kind: { logicalType: 'date' },
    type: 'DATE',
    value: (n: string) => `DATE '2025-01-01' + (${n} % 365)::INT`,
  },
];

const wide = Array.from({ length: 125 }, (_, block) =>
  KINDS.map((kind, index) => ({ ...kind, name: `c${block * KINDS.length + index}` })),
).flat();

const nested = [
  { name: 'id', logicalType: 'integer' },
  { name: 'customer', logicalType: 'string', path: 'customer/name' },
  { name: 'city', logicalType: 'string', path: 'customer/address/city' },
  { name: 'amount', logicalType: 'number', physicalType: 'decimal(18,2)', path: 'payment/amount' },
  { name: 'day', logicalType: 'date', path: 'payment/day' },
  { name: 'tags', logicalType: 'array' },
];

export const SHAPES: Readonly<Record<string, Shape>> = {
  wide: {
    format: 'csv',
    columns: wide.map(({ name, kind }) => ({ name, ...kind })),
    bytesARow: 4400,
    rows: `SELECT ${wide.map(({ name, value }) => `${value(`hash(i, '${name}')`)} AS ${name}`).join(', ')} FROM r`,
    read: (file) =>
      `FROM read_csv('${file}', auto_detect = false, header = true, delim = ',', quote = '"', columns = {${wide.map(({ name, type }) => `'${name}': '${type}'`).join(', ')}})`,
  },
  nested: {
    format: 'jsonl',
    columns: nested,
    bytesARow: 152,
    rows: `SELECT i AS id, {name: 'customer ' || hash(i) % 100000, address: {city: 'city ' || hash(i) % 977}} AS customer,
      {amount: ((hash(i + 1) % 1000000) / 100)::DECIMAL(18,2), day: DATE '2025-01-01' + (i % 365)::INT} AS payment, ['a', 'b'] AS tags FROM r`,
    read: (file) =>
      `SELECT id, customer.name AS customer, customer.address.city AS city, payment.amount AS amount, payment.day AS day, tags::VARCHAR AS tags FROM read_json('${file}', format = 'newline_delimited',
        columns = {id: 'BIGINT', customer: 'STRUCT(name VARCHAR, address STRUCT(city VARCHAR))', payment: 'STRUCT(amount DECIMAL(18,2), day DATE)', tags: 'VARCHAR[]'})`,
  },
};

const ITEMS: Pick<Shape, 'format' | 'columns'> = {
  format: 'csv',
  columns: [
    { name: 'id', logicalType: 'integer' },
    { name: 'name', logicalType: 'string' },
    { name: 'amount', logicalType: 'number', physicalType: 'decimal(18,2)' },
    { name: 'note', logicalType: 'string' },
    { name: 'changed_at', logicalType: 'timestamp', required: true },
  ],
};

/** A contract of items that change, merged or as a history. */
export const itemsContract = (writeMode: 'merge' | 'scd2'): string =>
  contractOf('items', ITEMS, { writeMode, dedupe: { keys: ['id'], keep: 'last', orderBy: 'changed_at' } });

/** A contract that takes files of a shape: every column typed, the first one required. */
export const contractOf = (
  name: string,
  { format, columns }: Pick<Shape, 'format' | 'columns'>,
  more: object = {},
): string =>
  stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: `bench-${name}`,
    version: '1.0.0',
    status: 'active',
    domain: 'bench',
    schema: [
      {
        name,
        customProperties: [{ property: 'ingestion', value: { landing: `bench/${name}/*`, format, ...more } }],
        properties: columns.map(({ path, ...column }, index) => ({
          ...column,
          ...(index === 0 ? { required: true } : {}),
          ...(path === undefined ? {} : { customProperties: [{ property: 'path', value: path }] }),
        })),
      },
    ],
  });

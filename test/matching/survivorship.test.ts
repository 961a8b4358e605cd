import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readEntities } from '../../lib/adapters/local/contracts.ts';
import { withDuckDb } from '../../lib/adapters/local/duckdb-session.ts';
import type { Entity } from '../../lib/contract/entity.ts';
import type { Criterion } from '../../lib/contract/matching-schema.ts';
import { goldenQuery, makeRecords } from '../../lib/matching/statements.ts';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import { copyStatement } from '../../lib/plan/parquet-copy.ts';
import { numbered } from '../../lib/plan/tables.ts';
import type { FieldType } from '../../lib/table/schema.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('survivorship');
const shipped = readEntities(join(ROOT, 'contracts/customers'))[0] as Entity;

/** As a source's table has it. */
interface SourceRecord {
  readonly id: string;
  readonly postcode: string | null;
  readonly seen: string | null;
  readonly file: string;
  readonly row: number;
}

const column = (name: string, type: FieldType = 'string') => ({ name, type, required: false });
const schemaOf = (id: string) =>
  numbered([
    ...[column(id), column('postcode'), column('seen', 'date')],
    ...[column('_source_file'), column('_source_row', 'long')],
  ]);

let count = 0;

/** The postcode of the one person that the records of crm and web are. */
async function survivor(
  criteria: readonly Criterion[],
  sources: readonly { readonly orderBy?: string; readonly records: readonly SourceRecord[] }[],
): Promise<string | undefined> {
  count += 1;
  const at = (name: string) => join(folder, `${count}-${name}`);
  const entity: Entity = {
    ...shipped,
    fields: shipped.fields.filter(({ name }) => name === 'postcode'),
    sources: sources.map(({ orderBy }, index) => ({
      ...(shipped.sources[index] as Entity['sources'][number]),
      columns: { postcode: 'postcode' },
      ...(orderBy === undefined ? {} : { orderBy }),
    })),
    survivorship: { postcode: criteria },
  };
  return withDuckDb({ scratch: at('scratch') }, async (db) => {
    const tables = [];
    for (const [index, { records }] of sources.entries()) {
      const schema = schemaOf(entity.sources[index]?.id[0] ?? '');
      const value = (text: string | null) => (text === null ? 'NULL' : duckDb.literal(text));
      const rows = records.map(
        ({ id, postcode, seen, file, row }) =>
          `(${[value(id), value(postcode), value(seen), value(file), row].join(', ')})`,
      );
      const names = schema.map(({ name }) => duckDb.ident(name)).join(', ');
      const query = `(VALUES ${rows.join(', ')}) AS v(${names})`;
      await db.run(copyStatement({ query, schema, partitionBy: [] }, at(`${index}.parquet`)));
      tables.push({ files: [at(`${index}.parquet`)], schema });
    }
    await db.run(makeRecords(entity, tables));
    await db.run("CREATE TABLE assigned AS SELECT n, 'one' AS id FROM records");
    const [row] = await db.rows<{ postcode: string }>(goldenQuery(entity, 'run'));
    return row?.postcode;
  });
}

const MAY = '2026-05-01.20260502T060000000Z.aaaaaaaaaaaa';
const JUNE = '2026-06-01.20260602T060000000Z.bbbbbbbbbbbb';
const record = (id: string, change: Partial<SourceRecord>): SourceRecord => ({
  ...{ id, postcode: id, seen: null, file: MAY, row: 1 },
  ...change,
});

test('of records of one day the next criterion decides, not which stands further down in its file', async () => {
  const crm = { orderBy: 'seen', records: [record('crm', { seen: '2026-05-01', row: 2 })] };
  const web = { orderBy: 'seen', records: [record('web', { seen: '2026-05-01', row: 9 })] };
  expect(await survivor(['newest', 'source'], [crm, web])).toBe('crm');
  expect(await survivor(['oldest', 'source'], [web, crm])).toBe('web');
});

test('the newest is that of the later date, or where no date is read that of the later file and row', async () => {
  const day = (id: string, seen: string | null) => record(id, { seen });
  const dated = {
    orderBy: 'seen',
    records: [day('a', '2026-05-03'), day('b', '2026-05-04'), day('c', null)],
  };
  expect(await survivor(['newest'], [dated])).toBe('b');
  expect(await survivor(['oldest'], [dated])).toBe('a');
  const late = [
    record('d', { file: JUNE }),
    record('e', { file: MAY, row: 7 }),
    record('f', { file: JUNE, row: 2 }),
  ];
  expect(await survivor(['newest'], [{ records: late }])).toBe('f');
  expect(await survivor(['oldest'], [{ records: late }])).toBe('e');
});

test('an empty value never wins, and a file without a business date counts from the day on which it came', async () => {
  const empty = { records: [record('crm', { postcode: null, file: JUNE })] };
  expect(await survivor(['newest'], [empty, { records: [record('web', {})] }])).toBe('web');
  const undated = (received: string) => [record('web', { file: `0000-00-00.${received}.cccccccccccc` })];
  const may = { records: [record('crm', { file: MAY })] };
  expect(await survivor(['newest'], [may, { records: undated('20260701T060000000Z') }])).toBe('web');
  expect(await survivor(['newest'], [may, { records: undated('20260401T060000000Z') }])).toBe('crm');
});

// What a team writes first: csv-parse, a function that looks at each row, a map by key, and a writer of Parquet.
import { createReadStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { parse } from 'csv-parse';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteFile } from 'hyparquet-writer';
import { timed } from '../parts/transactions.ts';

type Row = Readonly<Record<string, string>>;

const moment = (text: string | undefined): Date | undefined => {
  const found = new Date(`${text?.replace(' ', 'T')}Z`);
  // 30 February rolls over into March.
  const isReal = !Number.isNaN(found.getTime()) && found.toISOString().slice(0, 10) === text?.slice(0, 10);
  return isReal ? found : undefined;
};

const REQUIRED = [
  'transaction_id',
  'type',
  'account_id',
  'amount',
  'currency',
  'transacted_at',
  'updated_at',
];

function reasonsOf(row: Row): string[] {
  const reasons = REQUIRED.filter((name) => row[name] === '').map((name) => `${name}.missing`);
  const { transaction_id = '', parent_id = '', type = '', amount = '', currency = '' } = row;
  const isBroken: Readonly<Record<string, boolean>> = {
    'transaction_id.length': transaction_id.length > 20,
    'transaction_id.pattern': transaction_id !== '' && !/^T[0-9]+$/.test(transaction_id),
    'parent_id.length': parent_id.length > 20,
    'type.not_allowed': type !== '' && !['purchase', 'refund', 'void'].includes(type),
    'amount.type': amount !== '' && !/^-?[0-9]{1,16}(\.[0-9]{1,2}0*)?$/.test(amount),
    'amount.range': Number(amount) < 0,
    'currency.pattern': currency !== '' && !/^[A-Z]{3}$/.test(currency),
    'transacted_at.type': row.transacted_at !== '' && moment(row.transacted_at) === undefined,
    'updated_at.type': row.updated_at !== '' && moment(row.updated_at) === undefined,
    child_has_parent: type !== 'purchase' && parent_id === '',
  };
  return [...reasons, ...Object.keys(isBroken).filter((reason) => isBroken[reason])];
}

const ZSTD = {
  codec: 'ZSTD',
  compressors: { ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes) },
} as const;
const text = (name: string) => ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8' }) as const;
const TYPED: Readonly<
  Record<string, { readonly schema: Omit<SchemaElement, 'name'>; readonly of: (text: string) => unknown }>
> = {
  amount: {
    schema: { type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 2 },
    of: (digits) =>
      BigInt(
        digits.replace(
          /^(-?[0-9]+)(?:\.([0-9]{1,2})0*)?$/,
          (_, whole, cents = '') => whole + cents.padEnd(2, '0'),
        ),
      ),
  },
  transacted_at: { schema: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' }, of: (iso) => moment(iso) },
  updated_at: { schema: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' }, of: (iso) => moment(iso) },
};

const writePublished = (filename: string, rows: readonly Row[]) => {
  const names = Object.keys(rows[0] ?? {});
  return parquetWriteFile({
    ...ZSTD,
    filename,
    schema: [
      { name: 'root', num_children: names.length },
      ...names.map((name) => ({
        ...(TYPED[name]?.schema ?? text(name)),
        name,
        repetition_type: 'OPTIONAL' as const,
      })),
    ],
    columnData: names.map((name) => ({
      name,
      data: rows.map((row) => (row[name] ? (TYPED[name]?.of(row[name]) ?? row[name]) : null)),
    })),
  });
};

export async function plainNode(file: string, folder: string): Promise<number> {
  return timed(async () => {
    const kept = new Map<string, Row>();
    const refused: Row[] = [];
    for await (const row of createReadStream(file).pipe(parse({ columns: true })) as AsyncIterable<Row>) {
      const reasons = reasonsOf(row);
      if (reasons.length > 0) refused.push({ ...row, reasons: reasons.join(', ') });
      else {
        const { transaction_id = '', updated_at = '' } = row;
        if ((kept.get(transaction_id)?.updated_at ?? '') <= updated_at) kept.set(transaction_id, row);
      }
    }
    const months = Map.groupBy(kept.values(), (row) => row.transacted_at?.slice(0, 7));
    for (const [month, rows] of months) {
      mkdirSync(join(folder, `published/month=${month}`), { recursive: true });
      await writePublished(join(folder, `published/month=${month}/part.parquet`), rows);
    }
    const names = Object.keys(refused[0] ?? {});
    const columnData = names.map((name) => ({
      name,
      type: 'STRING' as const,
      data: refused.map((row) => row[name] || null),
    }));
    if (refused.length > 0)
      await parquetWriteFile({ ...ZSTD, filename: join(folder, 'quarantine.parquet'), columnData });
  });
}

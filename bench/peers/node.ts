// What a team writes first: csv-parse, a function that looks at each row, a map by key, and a writer of Parquet.
import { createReadStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { parse } from 'csv-parse';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteFile } from 'hyparquet-writer';
import { type Feed, type FeedName, feedNameOf, feedOf } from '../parts/feeds.ts';
import { timed } from '../parts/transactions.ts';

type Row = Readonly<Record<string, string>>;

const moment = (text: string | undefined): Date | undefined => {
  const found = new Date(`${text?.replace(' ', 'T')}Z`);
  // 30 February rolls over into March.
  const isReal = !Number.isNaN(found.getTime()) && found.toISOString().slice(0, 10) === text?.slice(0, 10);
  return isReal ? found : undefined;
};

/** What is known by heart of one input, beside what every program is told. */
interface Known {
  readonly broken: (row: Row) => Readonly<Record<string, boolean>>;
  readonly typed: Readonly<
    Record<string, { readonly schema: Omit<SchemaElement, 'name'>; readonly of: (text: string) => unknown }>
  >;
}

const text = (name: string) => ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8' }) as const;
const MOMENT = {
  schema: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' },
  of: (iso: string) => moment(iso),
} as const;
const decimal = (scale: number) =>
  ({
    schema: { type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale },
    of: (digits: string) => {
      const [whole = '', part = ''] = digits.split('.');
      return BigInt(whole + part.slice(0, scale).padEnd(scale, '0'));
    },
  }) as const;
const isNoMoment = (given: string | undefined) => given !== '' && moment(given) === undefined;

const KNOWN: Readonly<Record<FeedName, Known>> = {
  transactions: {
    broken: ({ transaction_id = '', parent_id = '', type = '', amount = '', currency = '', ...row }) => ({
      'transaction_id.length': transaction_id.length > 20,
      'transaction_id.pattern': transaction_id !== '' && !/^T[0-9]+$/.test(transaction_id),
      'parent_id.length': parent_id.length > 20,
      'type.not_allowed': type !== '' && !['purchase', 'refund', 'void'].includes(type),
      'amount.type': amount !== '' && !/^-?[0-9]{1,16}(\.[0-9]{1,2}0*)?$/.test(amount),
      'amount.range': Number(amount) < 0,
      'currency.pattern': currency !== '' && !/^[A-Z]{3}$/.test(currency),
      'transacted_at.type': isNoMoment(row.transacted_at),
      'updated_at.type': isNoMoment(row.updated_at),
      child_has_parent: type !== 'purchase' && parent_id === '',
    }),
    typed: { amount: decimal(2), transacted_at: MOMENT, updated_at: MOMENT },
  },
  sales: {
    broken: ({
      invoice_no = '',
      stock_code = '',
      quantity = '',
      unit_price = '',
      customer_id = '',
      ...row
    }) => ({
      'invoice_no.pattern': invoice_no !== '' && !/^[AC]?[0-9]{6,9}$/.test(invoice_no),
      'stock_code.length': stock_code.length > 20,
      'quantity.type': quantity !== '' && !/^-?[0-9]{1,9}$/.test(quantity),
      'invoice_date.type': isNoMoment(row.invoice_date),
      'unit_price.type': unit_price !== '' && !/^-?[0-9]{1,15}(\.[0-9]{1,3}0*)?$/.test(unit_price),
      'unit_price.range': unit_price !== '' && Number(unit_price) <= 0,
      'customer_id.pattern': customer_id !== '' && !/^[0-9]{5}(\.0+)?$/.test(customer_id),
    }),
    typed: {
      quantity: { schema: { type: 'INT32' }, of: Number },
      invoice_date: MOMENT,
      unit_price: decimal(3),
      customer_id: { schema: text(''), of: (given) => given.replace(/\.0+$/, '') },
    },
  },
};

function reasonsOf(row: Row, required: readonly string[], { broken }: Known): string[] {
  const reasons = required.filter((name) => row[name] === '').map((name) => `${name}.missing`);
  const isBroken = broken(row);
  return [...reasons, ...Object.keys(isBroken).filter((reason) => isBroken[reason])];
}

const ZSTD = {
  codec: 'ZSTD',
  compressors: { ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes) },
} as const;

const writePublished = (filename: string, rows: readonly Row[], { typed }: Known) => {
  const names = Object.keys(rows[0] ?? {});
  return parquetWriteFile({
    ...ZSTD,
    filename,
    schema: [
      { name: 'root', num_children: names.length },
      ...names.map((name) => ({
        ...(typed[name]?.schema ?? text(name)),
        name,
        repetition_type: 'OPTIONAL' as const,
      })),
    ],
    columnData: names.map((name) => ({
      name,
      data: rows.map((row) => (row[name] ? (typed[name]?.of(row[name]) ?? row[name]) : null)),
    })),
  });
};

export async function plainNode(file: string, folder: string): Promise<number> {
  const { columns, required, keys, orderBy, month: dated }: Feed = feedOf(file);
  const known = KNOWN[feedNameOf(file)];
  return timed(async () => {
    const kept = new Map<string, Row>();
    const refused: Row[] = [];
    for await (const row of createReadStream(file).pipe(
      parse({ columns: () => [...columns] }),
    ) as AsyncIterable<Row>) {
      const reasons = reasonsOf(row, required, known);
      if (reasons.length > 0) refused.push({ ...row, reasons: reasons.join(', ') });
      else {
        const key =
          keys.length === 1 ? (row[keys[0] ?? ''] ?? '') : keys.map((name) => row[name]).join('\u0000');
        if ((kept.get(key)?.[orderBy] ?? '') <= (row[orderBy] ?? '')) kept.set(key, row);
      }
    }
    const months = Map.groupBy(kept.values(), (row) => row[dated]?.slice(0, 7));
    for (const [month, rows] of months) {
      mkdirSync(join(folder, `published/month=${month}`), { recursive: true });
      await writePublished(join(folder, `published/month=${month}/part.parquet`), rows, known);
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

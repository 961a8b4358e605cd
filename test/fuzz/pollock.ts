// Loads every polluted version of a clean file twice, under the contract of the clean file and under one that knows of the pollution, and says what became of the rows.
//   node test/fuzz/pollock.ts [--rows 84] [--write]     84 rows are 2,300 files; --write makes docs/benchmarks/pollock.md
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { tablePorts } from '../../lib/pipeline/context.ts';
import { work } from '../../lib/pipeline/work.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { COLUMNS, cleanRow, type Polluted, pollutions } from './pollution.ts';

export interface Score {
  readonly dimension: string;
  readonly contract: 'clean' | 'knowing';
  readonly files: number;
  /** Rows of the clean file that the polluted ones hold. */
  readonly rows: number;
  readonly right: number;
  /** Rows that are in the table with another value than the clean one, as the file says it. */
  readonly changed: number;
  readonly refused: number;
  readonly reasons: readonly string[];
}

export interface Pollock {
  readonly scores: readonly Score[];
  /** Rows that nobody knows of, files that do not balance, refusals without a reason. */
  readonly wrong: readonly string[];
}

const TYPES: Readonly<Record<string, object>> = {
  id: { logicalType: 'integer', required: true },
  day: { logicalType: 'date' },
  amount: { logicalType: 'number', physicalType: 'decimal(9,2)' },
  quantity: { logicalType: 'integer' },
};

/** ODCS in JSON, which is YAML. */
const contractOf = (name: string, csv: object): string =>
  JSON.stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: name,
    version: '1.0.0',
    status: 'active',
    domain: 'pollock',
    schema: [
      {
        name,
        customProperties: [
          {
            property: 'ingestion',
            value: {
              landing: `${name}/*`,
              format: 'csv',
              csv,
              maxRejectPercent: 100,
              duplicateFile: 'reload',
            },
          },
        ],
        properties: COLUMNS.map((column) => ({
          name: column,
          ...(TYPES[column] ?? { logicalType: 'string' }),
        })),
      },
    ],
  });

interface Sample extends Polluted {
  readonly contract: Score['contract'];
  readonly dataset: string;
  readonly key: string;
}

export async function pollock(home: string, rows: number): Promise<Pollock> {
  const dialects = new Map<string, string>();
  const samples: Sample[] = [];
  const landing = join(home, 'lake/landing');
  for (const polluted of pollutions(rows)) {
    for (const contract of ['clean', 'knowing'] as const) {
      const csv = contract === 'clean' ? {} : polluted.csv;
      // Under the contract of the clean file it has been loaded already.
      if (csv === undefined || (contract === 'knowing' && JSON.stringify(csv) === '{}')) continue;
      const dialect = JSON.stringify(csv);
      const dataset = dialects.get(dialect) ?? `dialect_${dialects.size}`;
      dialects.set(dialect, dataset);
      const key = `${dataset}/${samples.length}.csv`;
      samples.push({ ...polluted, contract, dataset, key });
      mkdirSync(join(landing, dataset), { recursive: true });
      writeFileSync(join(landing, key), polluted.bytes);
    }
  }
  for (const [dialect, dataset] of dialects) {
    const file = join(home, `contracts/pollock/${dataset}.odcs.yaml`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contractOf(dataset, JSON.parse(dialect) as object));
  }
  const notifier = { notify: async () => undefined };
  const lake = openLake({ home: join(home, 'lake'), contracts: join(home, 'contracts'), notifier });
  const { failed } = await work(
    {
      services: lake,
      ports: { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier },
      start: (dataset) => runStateMachine(lake, dataset),
    },
    { bucket: 'landing', own: true, route: router(lake.datasets) },
  );
  const files = new Map<string, FileEntry>();
  for await (const file of allFiles(lake.ledger)) files.set(file.key, file);
  const published = new Map<string, Stored[]>();
  const quarantined = new Map<string, Stored[]>();
  for (const dataset of dialects.values()) {
    for (const [output, database, into] of [
      ['curated', 'pollock', published],
      ['quarantine', 'pollock_quarantine', quarantined],
    ] as const) {
      const ports = tablePorts(lake, output);
      const table = await loadTable(ports, { database, name: dataset });
      for (const { path } of table === undefined ? [] : await liveFiles(ports.store, table))
        for (const row of await storedRows(path)) {
          const id = String(row._source_file);
          const all = into.get(id) ?? [];
          all.push(row);
          into.set(id, all);
        }
    }
  }
  const wrong = failed.map(({ subject, error }) => `${subject} failed: ${String(error)}`);
  const outcomes = samples.map((sample) => {
    const file = files.get(sample.key);
    const rowsOf = (kind: Map<string, Stored[]>) => kind.get(file?.fileId ?? '') ?? [];
    const outcome = outcomeOf(sample, file, rowsOf(published), rowsOf(quarantined));
    wrong.push(
      ...outcome.wrong.map((what) => `${sample.dimension}, ${sample.name} (${sample.contract}): ${what}`),
    );
    return { sample, ...outcome };
  });
  const groups = Map.groupBy(outcomes, ({ sample }) => `${sample.dimension}|${sample.contract}`);
  const scores = [...groups.values()].map((group) => {
    const sum = (of: (outcome: Outcome) => number) => group.reduce((all, each) => all + of(each), 0);
    const [first] = group;
    return {
      dimension: first?.sample.dimension ?? '',
      contract: first?.sample.contract ?? 'clean',
      files: group.length,
      rows: group.reduce((all, { sample }) => all + sample.rows.length, 0),
      right: sum(({ right }) => right),
      changed: sum(({ changed }) => changed),
      refused: sum(({ refused }) => refused),
      reasons: [...new Set(group.flatMap(({ reasons }) => reasons))].sort(),
    };
  });
  return { scores, wrong };
}

type Stored = Readonly<Record<string, unknown>>;

async function storedRows(path: string): Promise<readonly Stored[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return parquetReadObjects({ file, compressors: { ZSTD: (input) => zstdDecompressSync(input) } });
}

interface Outcome {
  readonly right: number;
  readonly changed: number;
  readonly refused: number;
  readonly reasons: readonly string[];
  readonly wrong: readonly string[];
}

function outcomeOf(
  { bytes, rows }: Sample,
  file: FileEntry | undefined,
  published: readonly Stored[],
  quarantined: readonly Stored[],
): Outcome {
  if (file === undefined)
    return { right: 0, changed: 0, refused: 0, reasons: [], wrong: ['is not in the ledger'] };
  const { counts, state, reasons: why } = file;
  const wrong: string[] = [];
  if (counts.received !== counts.published + counts.quarantined + counts.deduplicated)
    wrong.push(`does not balance: ${JSON.stringify(counts)}`);
  if (counts.published !== published.length)
    wrong.push(`${counts.published} published, ${published.length} in the table`);
  if (state !== 'published' && why.length === 0) wrong.push(`is ${state} without a reason`);
  const codes = quarantined.flatMap(({ _reasons }) =>
    (_reasons as readonly { readonly code: string }[]).map(({ code }) => code),
  );
  if (quarantined.some(({ _reasons }) => (_reasons as readonly unknown[]).length === 0))
    wrong.push('a row is refused without a reason');
  const reasons = [...why.map(({ code }) => code), ...codes];
  if (state !== 'published') return { right: 0, changed: 0, refused: rows.length, reasons, wrong };

  const values = published.map((row) => COLUMNS.map((column) => textOf(column, row[column])));
  const whole = new Set(values.map((row) => JSON.stringify(row)));
  const shown = values.map((row) => row.join('\n')).join('\n');
  const kept = quarantined.map((row) => recordText(row, bytes)).join('\n');
  let right = 0;
  let changed = 0;
  let refused = 0;
  for (const n of rows) {
    const clean = cleanRow(n);
    // What names the row and nothing else; pollution strikes one value of a row.
    const marks = [new RegExp(`person${n}@`), new RegExp(`code-${n}(?![0-9])`)];
    if (whole.has(JSON.stringify(clean))) right += 1;
    else if (marks.some((mark) => mark.test(kept))) refused += 1;
    else if (marks.some((mark) => mark.test(shown))) changed += 1;
    else wrong.push(`row ${n} is nowhere`);
  }
  return { right, changed, refused, reasons, wrong };
}

const textOf = (column: string, value: unknown): string => {
  if (value instanceof Date) return value.toISOString().slice(0, 10);
  return column === 'amount' ? Number(value).toFixed(2) : String(value ?? '');
};

/** What quarantine keeps of a record: its fields as they came, the place of its bytes in the file, or its number there. */
function recordText(row: Stored, bytes: Buffer): string {
  const fields = COLUMNS.map((column) => String(row[column] ?? '')).join('\n');
  const [from, to] = [row._byte_start, row._byte_end];
  const record =
    from === null || to === null
      ? bytes.toString().split(/\r\n|\n|\r/)[Number(row._source_row)]
      : bytes.subarray(Number(from), Number(to)).toString();
  return `${fields}\n${record}`;
}

export function page({ scores }: Pollock, rows: number): string {
  const share = (part: number, all: number) => (all === 0 ? '' : `${((100 * part) / all).toFixed(1)} %`);
  return [
    '# Polluted CSV',
    `A clean file of ${rows} rows and ${COLUMNS.length} columns, polluted in every dimension of the Pollock benchmark (Vitagliano et al., PVLDB 16(8), 2023), and in encodings and footers beside them: ${scores.reduce((all, { files }) => all + files, 0)} loads, no crash, every row in the table or refused with a reason. "Clean": the contract is that of the clean file, the pollution comes unannounced. "Knowing": the contract says what the file is like. "Changed": loaded as the file says it, such as with the quote that is too many. Written by \`node test/fuzz/pollock.ts --rows ${rows} --write\`.`,
    [
      '| dimension | contract | files | rows | right | changed | refused | reasons |',
      '|---|---|---:|---:|---:|---:|---:|---|',
      ...scores.map(
        ({ dimension, contract, files, rows: all, right, changed, refused, reasons }) =>
          `| ${dimension} | ${contract} | ${files} | ${all} | ${share(right, all)} | ${share(changed, all)} | ${share(refused, all)} | ${reasons.join(', ')} |`,
      ),
    ].join('\n'),
    '',
  ].join('\n\n');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { rows: { type: 'string', default: '84' }, write: { type: 'boolean', default: false } },
  });
  const home = mkdtempSync(join(tmpdir(), 'headgate-pollock-'));
  const rows = Number(values.rows);
  const result = await pollock(home, rows);
  rmSync(home, { recursive: true, force: true });
  console.log(page(result, rows));
  console.log(result.wrong.slice(0, 50).join('\n'));
  const docs = join(import.meta.dirname, '../../docs/benchmarks/pollock.md');
  if (values.write) writeFileSync(docs, page(result, rows));
  process.exit(result.wrong.length === 0 ? 0 : 1);
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const HISTORY_CONTRACT = `
kind: DataContract
apiVersion: v3.1.0
id: history
version: 1.0.0
status: active
domain: shop
schema:
  - name: customers
    customProperties:
      - property: ingestion
        value: { landing: 'shop/{businessDate:yyyy-MM-dd}/*.csv', format: csv, writeMode: scd2, dedupe: { keys: [id], orderBy: changed_on } }
    properties:
      - { name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1 }
      - { name: segment, logicalType: string, partitioned: true, partitionKeyPosition: 1 }
      - name: phone
        logicalType: string
        classification: restricted
        customProperties: [{ property: pii, value: { kind: phone, action: tokenize } }]
      - { name: changed_on, logicalType: date, required: true }
`;

export interface HistoryRow {
  readonly id: number;
  readonly segment: string | null;
  readonly phone: string | null;
  readonly changed_on: string;
  readonly day: string;
  readonly row: number;
}

/** Few keys, contents and dates: changes, confirmations, late versions and rivals of one date in every file. */
export function historyRows(seed: number): readonly HistoryRow[] {
  let state = seed;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value;
  return Array.from({ length: 6 }, (_, file) =>
    Array.from({ length: 30 }, (_each, index) => ({
      id: 1 + below(8),
      segment: pick(['a', 'b', null]),
      phone: pick(['+31600000001', '+31600000002', null]),
      changed_on: `2026-01-${String(1 + below(20)).padStart(2, '0')}`,
      day: `2026-02-0${1 + file}`,
      row: index + 1,
    })),
  ).flat();
}

const csv = (rows: readonly HistoryRow[]): string =>
  [
    'id,segment,phone,changed_on',
    ...rows.map(
      ({ id, segment, phone, changed_on }) => `${id},${segment ?? ''},${phone ?? ''},${changed_on}`,
    ),
    '',
  ].join('\n');

const write = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** The contract in `contracts/` of a folder, and one landing folder with a file a day for each batch of days. */
export function layHistory(
  home: string,
  rows: readonly HistoryRow[],
  batches: readonly (readonly string[])[],
): { readonly contracts: string; readonly landings: readonly string[] } {
  write(join(home, 'contracts/customers.odcs.yaml'), HISTORY_CONTRACT);
  const landings = batches.map((days, index) => {
    const landing = join(home, `landing-${index}`);
    for (const day of days)
      write(join(landing, 'shop', day, 'a.csv'), csv(rows.filter((row) => row.day === day)));
    return landing;
  });
  return { contracts: join(home, 'contracts'), landings };
}

/** Key of the file of a day. */
export const fileOfDay = (day: string): string => `shop/${day}/a.csv`;

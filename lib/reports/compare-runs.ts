import type { FileEntry, RunEntry } from '../ledger/entries.ts';
import type { OutputResult, Plan, RunResult } from '../plan/plan.ts';
import type { ColumnFacts } from './column-facts.ts';

/** What is known of one run. Documents are undefined where it ended before it had them. */
export interface RunFacts {
  readonly run: RunEntry;
  readonly files: readonly FileEntry[];
  readonly plan?: Plan | undefined;
  readonly result?: RunResult | undefined;
  /** Of the rows that it published; undefined where it published none, or its snapshot has expired. */
  readonly columns?: Readonly<Record<string, ColumnFacts>> | undefined;
}

export interface Difference {
  readonly area:
    | 'outcome'
    | 'schema'
    | 'counts'
    | 'checks'
    | 'columns'
    | 'partitions'
    | 'files'
    | 'durations';
  readonly what: string;
  readonly good: string | number | null;
  readonly bad: string | number | null;
  /** Greater matters more; from 0 to 10. */
  readonly weight: number;
}

/** Pure: in what the bad run differs from the good one, what matters most first. Nothing of a classified column is shown but shares. */
export function compareRuns(good: RunFacts, bad: RunFacts): readonly Difference[] {
  return [
    ...outcome(good, bad),
    ...schema(good, bad),
    ...counts(good, bad),
    ...checks(good, bad),
    ...columns(good, bad),
    ...partitions(good, bad),
    ...files(good, bad),
    ...durations(good, bad),
  ].sort(byWeight);
}

const byWeight = (a: Difference, b: Difference): number => b.weight - a.weight || (a.what < b.what ? -1 : 1);

function outcome({ run: good }: RunFacts, { run: bad }: RunFacts): readonly Difference[] {
  const why = (run: RunEntry) => run.reasons.map(({ message }) => message).join('; ');
  return [
    ...unequal('outcome', 'dataset', good.dataset, bad.dataset, 10),
    ...unequal('outcome', 'state', good.state, bad.state, 9),
    ...unequal('outcome', 'reasons', why(good), why(bad), 8),
    ...unequal('outcome', 'contract version', good.contractVersion, bad.contractVersion, 7),
    ...unequal('outcome', 'engine', good.engine, bad.engine, 3),
  ];
}

const unequal = (
  area: Difference['area'],
  what: string,
  good: string | number | undefined,
  bad: string | number | undefined,
  weight: number,
): readonly Difference[] =>
  good === bad ? [] : [{ area, what, good: good ?? null, bad: bad ?? null, weight }];

function schema(good: RunFacts, bad: RunFacts): readonly Difference[] {
  const of = ({ plan }: RunFacts) =>
    new Map(
      plan?.outputs
        .find(({ name }) => name === 'curated')
        ?.schema.map(({ name, type }) => [name, JSON.stringify(type)]),
    );
  const headers = ({ files: all }: RunFacts) =>
    [...new Set(all.map(({ fields }) => fields.map((field) => field ?? '?').join(',')))].sort().join(' | ');
  const [a, b] = [of(good), of(bad)];
  const both = good.plan !== undefined && bad.plan !== undefined;
  const names = both ? [...new Set([...a.keys(), ...b.keys()])] : [];
  return [
    ...names.flatMap((name) => unequal('schema', `type of ${name}`, a.get(name), b.get(name), 7)),
    ...unequal('schema', 'fields of the files', headers(good), headers(bad), 6),
  ];
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;

/** Shares that differ by less are no news. */
const LEAST_SHARE = 0.001;

const shares = (
  area: Difference['area'],
  what: string,
  good: number,
  bad: number,
  weight: number,
): readonly Difference[] =>
  Math.abs(good - bad) < LEAST_SHARE
    ? []
    : [{ area, what, good: percent(good), bad: percent(bad), weight: weight * sizeOf(good, bad) }];

/** How much a changed share matters, 0 to 1: by its own size, and for being new or gone. */
const sizeOf = (good: number, bad: number): number => {
  const step = Math.abs(good - bad);
  return Math.min(1, 4 * step + step / Math.max(good, bad) / 2);
};

function counts({ run: good }: RunFacts, { run: bad }: RunFacts): readonly Difference[] {
  const [a, b] = [good.counts, bad.counts];
  if (a === undefined || b === undefined) return [];
  const grown = Math.abs(b.received - a.received) / Math.max(a.received, b.received, 1);
  return [
    ...unequal('counts', 'received', a.received, b.received, 1 + 3 * grown),
    ...shares('counts', 'quarantined', share(a.quarantined, a.received), share(b.quarantined, b.received), 5),
    ...shares(
      'counts',
      'deduplicated',
      share(a.deduplicated, a.received),
      share(b.deduplicated, b.received),
      3,
    ),
  ];
}

/** Failing rows by check, as shares of the rows that were parsed. */
function checks(good: RunFacts, bad: RunFacts): readonly Difference[] {
  const of = ({ result }: RunFacts): ReadonlyMap<string, number> => {
    const parsed = (result?.tallies ?? []).reduce((sum, tally) => sum + tally.parsed, 0);
    const failing = new Map<string, number>();
    for (const tally of result?.tallies ?? [])
      for (const [key, rows] of Object.entries(tally.checks))
        failing.set(key, (failing.get(key) ?? 0) + rows);
    return new Map([...failing].map(([key, rows]) => [key, share(rows, parsed)]));
  };
  if (good.result === undefined || bad.result === undefined) return [];
  const [a, b] = [of(good), of(bad)];
  const batch = new Set([...Object.keys(good.result.batch), ...Object.keys(bad.result.batch)]);
  return [
    ...[...new Set([...a.keys(), ...b.keys()])].flatMap((key) =>
      shares('checks', `rows failing ${key}`, a.get(key) ?? 0, b.get(key) ?? 0, 5),
    ),
    ...[...batch].flatMap((key) =>
      unequal(
        'checks',
        `batch check ${key}`,
        good.result?.batch[key] ?? undefined,
        bad.result?.batch[key] ?? undefined,
        1,
      ),
    ),
  ];
}

function columns(good: RunFacts, bad: RunFacts): readonly Difference[] {
  const [a, b] = [good.columns, bad.columns];
  if (a === undefined || b === undefined) return [];
  return Object.keys(a).flatMap((name) => {
    const [before, after] = [a[name], b[name]];
    return before === undefined || after === undefined ? [] : column(name, before, after);
  });
}

/** Distributions that differ by less are chance, or the usual change from day to day. */
const LEAST_DISTANCE = 0.1;

function column(name: string, a: ColumnFacts, b: ColumnFacts): readonly Difference[] {
  const distance = totalVariation(a.shares, b.shares);
  const isCategory = Object.keys(a.shares ?? {}).length > 0;
  return [
    ...shares('columns', `null in ${name}`, share(a.nulls, a.rows), share(b.nulls, b.rows), 4),
    ...(distance >= LEAST_DISTANCE
      ? [
          {
            area: 'columns',
            what: `distribution of ${name}`,
            good: isCategory ? shown(a.shares) : null,
            bad: isCategory ? shown(b.shares) : null,
            weight: 1 + 5 * distance,
          } as const,
        ]
      : []),
    ...unequal('columns', `least ${name}`, a.min, b.min, 1),
    ...unequal('columns', `greatest ${name}`, a.max, b.max, 1),
    ...changedMean(name, a, b),
    ...(distinctShift(a, b) > 0.5
      ? unequal('columns', `distinct values of ${name}`, a.distinct, b.distinct, 1.5)
      : []),
  ];
}

/** Half the sum of the differences of all shares: 0 for equal distributions, 1 for disjoint ones. */
function totalVariation(a: ColumnFacts['shares'] = {}, b: ColumnFacts['shares'] = {}): number {
  const values = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...values].reduce((sum, value) => sum + Math.abs((a[value] ?? 0) - (b[value] ?? 0)), 0) / 2;
}

const SHARES_SHOWN = 4;

const shown = (all: ColumnFacts['shares'] = {}): string =>
  Object.entries(all)
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHARES_SHOWN)
    .map(([value, part]) => `${value} ${percent(part)}`)
    .join(', ');

function changedMean(name: string, a: ColumnFacts, b: ColumnFacts): readonly Difference[] {
  if (a.mean === undefined || b.mean === undefined) return [];
  const shift = Math.abs(b.mean - a.mean) / Math.max(Math.abs(a.mean), Math.abs(b.mean), Number.MIN_VALUE);
  if (shift < LEAST_DISTANCE) return [];
  return [
    {
      area: 'columns',
      what: `mean of ${name}`,
      good: a.mean,
      bad: b.mean,
      weight: 3 * Math.min(shift, 1),
    },
  ];
}

/** Of the shares of distinct values among all: a key stays a key, however many rows there are. */
const distinctShift = (a: ColumnFacts, b: ColumnFacts): number => {
  const [x, y] = [share(a.distinct, a.rows - a.nulls), share(b.distinct, b.rows - b.nulls)];
  return Math.abs(x - y) / Math.max(x, y, Number.MIN_VALUE);
};

const PARTITIONS_SHOWN = 20;

function partitions(good: RunFacts, bad: RunFacts): readonly Difference[] {
  const of = ({ result }: RunFacts) => {
    const rows = new Map<string, number>();
    const isCurated = ({ name }: OutputResult) => name === 'curated';
    for (const file of result?.outputs.find(isCurated)?.files ?? []) {
      const key = file.partition.map((value) => value ?? 'null').join('/');
      rows.set(key, (rows.get(key) ?? 0) + file.rows);
    }
    return rows;
  };
  const [a, b] = [of(good), of(bad)];
  // One that is gone or new counts most; the order of the others' names says nothing.
  const changed = (key: string) => {
    const [before, after] = [a.get(key) ?? 0, b.get(key) ?? 0];
    return share(Math.abs(after - before), Math.max(before, after));
  };
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((key) => key !== '')
    .flatMap((key) => unequal('partitions', `rows of ${key}`, a.get(key), b.get(key), 0.5 + changed(key)))
    .sort(byWeight)
    .slice(0, PARTITIONS_SHOWN);
}

function files(good: RunFacts, bad: RunFacts): readonly Difference[] {
  const bytes = ({ files: all }: RunFacts) => all.reduce((sum, file) => sum + file.bytes, 0);
  return [
    ...unequal('files', 'files', good.files.length, bad.files.length, 1.2),
    ...unequal('files', 'bytes', bytes(good), bytes(bad), 0.4),
  ];
}

/** Stages that took less are noise. */
const LEAST_SECONDS = 1;

function durations({ run: good }: RunFacts, { run: bad }: RunFacts): readonly Difference[] {
  const stages = new Set([...Object.keys(good.seconds ?? {}), ...Object.keys(bad.seconds ?? {})]);
  const whole = (run: RunEntry) => (Date.parse(run.updatedAt) - Date.parse(run.startedAt)) / 1000;
  const pairs = [
    ['whole run', whole(good), whole(bad)] as const,
    ...[...stages].map((stage) => [stage, good.seconds?.[stage] ?? 0, bad.seconds?.[stage] ?? 0] as const),
  ];
  return pairs.flatMap(([what, a, b]) => {
    const slower = Math.max(a, b) / Math.max(Math.min(a, b), 0.001);
    if (Math.abs(a - b) < LEAST_SECONDS || slower < 1.5) return [];
    const round = (seconds: number) => Number(seconds.toFixed(2));
    return unequal('durations', `seconds of ${what}`, round(a), round(b), Math.min(2, 0.2 * slower));
  });
}

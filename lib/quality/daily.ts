import { type Arrival, arrivalsOf, filesOfDate } from '../arrivals/arrivals.ts';
import { addDays, dateIn, dayOf, daysUntilDue, scheduleOf, zoneOf } from '../arrivals/calendar.ts';
import { type Dataset, datasetId } from '../contract/dataset.ts';
import { LimitError, TerminalError } from '../errors.ts';
import { DATED_MATTER_DAYS, isSettled, settle } from '../ledger/alerts.ts';
import { runChanged } from '../ledger/changes.ts';
import {
  type CheckResult,
  type DailyEntry,
  type FileEntry,
  type Outcome,
  partitions,
  type RunEntry,
  stampOf,
} from '../ledger/entries.ts';
import { everything } from '../ledger/everything.ts';
import { fileOf } from '../ledger/files.ts';
import { summaryOf } from '../ledger/summary.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Notice, Notifier } from '../ports/notifier.ts';
import type { QueryEngine } from '../ports/query-engine.ts';
import type { MartFindings } from '../reports/marts.ts';
import { type RunRange, rowsWritten, tableRuleResults } from './table-rules.ts';
import { volumeFindings } from './volume.ts';

export interface DailyPorts {
  readonly datasets: readonly Dataset[];
  readonly ledger: Ledger;
  readonly queryEngine: QueryEngine;
  readonly clock: Clock;
  readonly notifier: Notifier;
  /** Marts whose rows are things to look at. */
  readonly findings: readonly MartFindings[];
}

export interface DailyReport {
  /** Looked at by this call. */
  readonly entries: readonly DailyEntry[];
  /** Datasets that could not be looked at now; the next call does. */
  readonly failed: readonly { readonly what: string; readonly error: unknown }[];
}

/**
 * Looks at the day that has ended last in each dataset's own zone, once: asked every hour, it acts after midnight of each zone. Results stand in the
 * ledger before anybody is told, so a call that dies is followed by the next one, which does what is left. One digest a zone.
 */
export async function dailyLook(ports: DailyPorts): Promise<DailyReport> {
  const now = ports.clock.now();
  const entries: DailyEntry[] = [];
  const failed: { what: string; error: unknown }[] = [];
  for (const [zone, datasets] of Map.groupBy(ports.datasets, zoneOf)) {
    const day = addDays(dateIn(zone, now), -1);
    const known: DailyEntry[] = [];
    for (const dataset of datasets) {
      const what = datasetId(dataset);
      try {
        const stored = await ports.ledger.get<DailyEntry>(partitions.daily(what), day);
        const entry = stored?.body ?? (await lookAt(ports, dataset, zone, day));
        if (stored === undefined) entries.push(entry);
        known.push(entry);
      } catch (error) {
        failed.push({ what, error });
      }
    }
    // Told when all are there: the next call asks again for those that failed.
    if (known.length < datasets.length) continue;
    const matter = `quality#${zone}#${day}`;
    if (await isSettled(ports, matter)) continue;
    // The notice stands in the ledger until it is sent: the sweeper sends what this call does not.
    await settle(ports, matter, digest(zone, day, known), DATED_MATTER_DAYS);
  }
  return { entries, failed };
}

async function lookAt(ports: DailyPorts, dataset: Dataset, zone: string, day: string): Promise<DailyEntry> {
  const { ledger, clock } = ports;
  const id = datasetId(dataset);
  const results = await dailyResults(ports, dataset, zone, day);
  const entry: DailyEntry = { dataset: id, day, at: clock.now().toISOString(), results };
  const write = { partition: partitions.daily(id), sort: day, body: entry, ifVersion: 0 };
  const answer = await ledger.transact([{ kind: 'put', ...write }, runChanged(id, day)]);
  if (answer === 'done') return entry;
  return (await ledger.get<DailyEntry>(partitions.daily(id), day))?.body ?? entry;
}

/** Every check of one dataset over one day of its zone (`yyyy-MM-dd`). */
export async function dailyResults(
  ports: DailyPorts,
  dataset: Dataset,
  zone: string,
  day: string,
): Promise<readonly CheckResult[]> {
  const { from, to } = dayOf(zone, day);
  const range = { from: stampOf(from), to: stampOf(to) };
  const dates = await datesOf(ports, dataset, from, to);
  const files = await filesOf(ports.ledger, dataset, dates?.map(({ date }) => date) ?? [day]);
  return [
    ...(await asked('table', () => tableRuleResults(ports.queryEngine, dataset, range))),
    ...(await asked('reconciliation', () => reconciled(ports, dataset, range))),
    ...(dates === undefined ? [] : [arrivalResult(dates)]),
    ...(await volumeResults(ports, dataset, files, day, dates === undefined)),
    ...(await backlogResults(ports.ledger, datasetId(dataset), files)),
    ...(await martResults(ports, datasetId(dataset), day)),
  ];
}

/** A query that can't succeed is a result of its own: the others are asked all the same. */
async function asked(
  check: string,
  work: () => Promise<readonly CheckResult[]>,
): Promise<readonly CheckResult[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
    // What an engine says of a query may quote a row, and this goes to the ledger and to people who may not read the table.
    const message =
      error instanceof LimitError
        ? error.message
        : `the query of ${check} can't be answered; headgate query, with the same, says why`;
    return [{ check, outcome: 'unknown', value: null, message }];
  }
}

/** A day, and what a zone adds; the days from a date to when it is due come on top. */
const LOOK_BACK_DAYS = 3;

/** Business dates that came due in the day; undefined where the contract does not say when. */
async function datesOf(
  { ledger, clock }: DailyPorts,
  dataset: Dataset,
  from: Date,
  to: Date,
): Promise<readonly Arrival[] | undefined> {
  const schedule = scheduleOf(dataset);
  if (schedule === undefined) return undefined;
  const days = LOOK_BACK_DAYS + daysUntilDue(schedule, clock.now());
  const arrivals = await arrivalsOf({ ledger, clock }, dataset, days);
  return arrivals.filter(({ due }) => due !== undefined && due > from && due <= to);
}

async function filesOf(
  ledger: Ledger,
  dataset: Dataset,
  dates: readonly string[],
): Promise<readonly FileEntry[]> {
  return (await Promise.all(dates.map((date) => filesOfDate(ledger, dataset, date)))).flat();
}

/** Worst first. */
const ARRIVAL_OUTCOMES: Readonly<Record<Arrival['state'], Outcome>> = {
  missing: 'fail',
  incomplete: 'fail',
  late: 'warn',
  due: 'pass',
  arrived: 'pass',
};

function arrivalResult(dates: readonly Arrival[]): CheckResult {
  const odd = dates.filter(({ state }) => ARRIVAL_OUTCOMES[state] !== 'pass');
  const outcomes = odd.map(({ state }) => ARRIVAL_OUTCOMES[state]);
  const message = odd
    .map(({ date, state, lacks }) => `files of ${date} are ${state}${lacks === '' ? '' : ` (${lacks})`}`)
    .join('; ');
  return {
    check: 'arrival',
    outcome: outcomes.includes('fail') ? 'fail' : (outcomes[0] ?? 'pass'),
    value: odd.length,
    expected: `${dates.length} dates due`,
    ...(message === '' ? {} : { message }),
  };
}

/** Business dates that a day is compared with, where the contract has no rule of its own. */
const COMPARED_DAYS = 7;
/** Of those, so many must have had files, or nothing is usual yet. */
const FEWEST_DAYS = 4;
const UNUSUAL = 2;

async function volumeResults(
  { ledger }: DailyPorts,
  dataset: Dataset,
  files: readonly FileEntry[],
  day: string,
  mayBeSilent: boolean,
): Promise<readonly CheckResult[]> {
  const rows = rowsOf(files);
  const result = (outcome: Outcome, message?: string): readonly CheckResult[] => [
    { check: 'volume', outcome, value: rows, ...(message === undefined ? {} : { message }) },
  ];
  if (dataset.volume !== undefined) {
    const [found] = await volumeFindings(ledger, dataset, files);
    return found === undefined
      ? result('pass')
      : result(found.kind === 'unusual' ? 'warn' : 'unknown', found.reason.message);
  }
  if (files.length === 0 && !mayBeSilent) return [];
  const last = files.map(({ businessDate }) => businessDate ?? day).sort()[0] ?? day;
  const before: number[] = [];
  for (let back = 1; back <= COMPARED_DAYS; back++) {
    const earlier = await filesOfDate(ledger, dataset, addDays(last, -back));
    if (earlier.length > 0) before.push(rowsOf(earlier));
  }
  if (before.length < FEWEST_DAYS) return result('pass');
  const usual = [...before].sort((a, b) => a - b)[Math.floor(before.length / 2)] ?? 0;
  if (files.length === 0) return result('warn', `no file; usual are ${usual} rows a day`);
  if (rows <= usual * UNUSUAL && rows >= usual / UNUSUAL) return result('pass');
  return result('warn', `${rows} rows; usual are ${usual} a day`);
}

const rowsOf = (files: readonly FileEntry[]): number =>
  files.filter(({ state }) => state !== 'duplicate').reduce((sum, { counts }) => sum + counts.received, 0);

/** What waits for somebody, whenever it came, and what was refused of the day. */
async function backlogResults(
  ledger: Ledger,
  dataset: string,
  files: readonly FileEntry[],
): Promise<readonly CheckResult[]> {
  const { held, admitted } = await summaryOf(ledger, dataset);
  const quarantined = files.filter(({ state }) => state === 'quarantined').length;
  return Object.entries({ held, waiting: admitted, quarantined }).map(([check, value]) => ({
    check: `files.${check}`,
    outcome: value === 0 ? 'pass' : 'warn',
    value,
    ...(value === 0 ? {} : { message: `${value} ${value === 1 ? 'file' : 'files'} ${check}` }),
  }));
}

/** Rows of an append stay where they are: the table holds of each run what the ledger says. Merges and replacements move them on. */
async function reconciled(
  { queryEngine, ledger }: DailyPorts,
  dataset: Dataset,
  range: RunRange,
): Promise<readonly CheckResult[]> {
  if (dataset.writeMode !== 'append') return [];
  const id = datasetId(dataset);
  const runs = (await runsOf(ledger, id, range)).filter(({ state }) => state === 'published');
  if (runs.length === 0) return [];
  const sql = `SELECT _run_id, count(*) AS n FROM ${rowsWritten(dataset, range)} GROUP BY _run_id`;
  const { rows } = await queryEngine.query(sql);
  const counted = new Map(rows.map(([run, count]) => [run, Number(count)]));
  const messages: string[] = [];
  for (const run of runs) {
    const there = counted.get(run.runId) ?? 0;
    if (there === run.counts?.published) continue;
    // A later run may have taken rows out again: what its files say by now is what should be there.
    const expected = await publishedBy(ledger, run);
    if (there !== expected)
      messages.push(`the table holds ${there} rows of run ${run.runId}, the ledger says ${expected}`);
  }
  return [
    {
      check: 'reconciliation',
      outcome: messages.length === 0 ? 'pass' : 'fail',
      value: messages.length,
      expected: '0 runs that differ',
      ...(messages.length === 0 ? {} : { message: messages.join('; ') }),
    },
  ];
}

/** Runs of a range lie in at most two days of UTC. */
async function runsOf(ledger: Ledger, dataset: string, range: RunRange): Promise<readonly RunEntry[]> {
  const prefixes = new Set([range.from.slice(0, 8), range.to.slice(0, 8)]);
  const found: RunEntry[] = [];
  for (const prefix of prefixes) {
    const query = { partition: partitions.runs(dataset), prefix };
    for await (const { body, sort } of everything<RunEntry>(ledger, query))
      if (sort >= range.from && sort < range.to) found.push(body);
  }
  return found;
}

async function publishedBy(ledger: Ledger, { dataset, runId, files }: RunEntry): Promise<number> {
  let rows = 0;
  for (const fileId of files) {
    const file = await fileOf(ledger, dataset, fileId);
    if (file?.state === 'published' && file.runId === runId) rows += file.counts.published;
  }
  return rows;
}

/** Rows of marts that show what does not fit together, and how many more than the day before. */
async function martResults(
  { findings, queryEngine, ledger }: DailyPorts,
  dataset: string,
  day: string,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { mart, sql } of findings.filter((each) => each.dataset === dataset)) {
    const check = `mart.${mart}`;
    const found = await asked(check, async () => {
      const value = Number((await queryEngine.query(sql)).rows[0]?.[0] ?? 0);
      const before = await valueBefore(ledger, dataset, day, check);
      const change = before === undefined || before === value ? '' : ` (${before} the day before)`;
      const message = `${value} ${value === 1 ? 'row' : 'rows'} in ${mart}${change}`;
      return [{ check, outcome: value === 0 ? 'pass' : 'warn', value, ...(value === 0 ? {} : { message }) }];
    });
    results.push(...found);
  }
  return results;
}

async function valueBefore(
  ledger: Ledger,
  dataset: string,
  day: string,
  check: string,
): Promise<number | undefined> {
  const item = await ledger.get<DailyEntry>(partitions.daily(dataset), addDays(day, -1));
  return item?.body.results.find((each) => each.check === check)?.value ?? undefined;
}

/** What a person should look at. */
export const oddResults = ({ results }: DailyEntry): readonly CheckResult[] =>
  results.filter(
    ({ outcome, check }) => outcome !== 'pass' && !(outcome === 'unknown' && check === 'volume'),
  );

/** One message for all datasets of a zone. */
export function digest(zone: string, day: string, entries: readonly DailyEntry[]): Notice {
  const odd = entries.flatMap((entry) => oddResults(entry).map((result) => ({ entry, result })));
  const checks = entries.reduce((sum, { results }) => sum + results.length, 0);
  const when = zone === 'UTC' ? day : `${day} in ${zone}`;
  return {
    kind: 'quality.digest',
    dataset: 'all',
    title:
      odd.length === 0
        ? `${when}: nothing to look at`
        : `${when}: ${odd.length} ${odd.length === 1 ? 'thing' : 'things'} to look at`,
    facts: {
      checks,
      ...Object.fromEntries(
        [...Map.groupBy(odd, ({ entry }) => entry.dataset)].map(([dataset, found]) => [
          dataset,
          found.map(({ result }) => result.message ?? result.check).join('; '),
        ]),
      ),
    },
    next: 'headgate status',
  };
}

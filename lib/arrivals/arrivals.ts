import { type Dataset, datasetId } from '../contract/dataset.ts';
import { asSent, sources } from '../contract/sources.ts';
import { DATED_MATTER_DAYS, isSettled, settle } from '../ledger/alerts.ts';
import { type FileEntry, partitions, UNDATED } from '../ledger/entries.ts';
import { everything } from '../ledger/everything.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Notice, Notifier } from '../ports/notifier.ts';
import { filesOfSet, hasSets, openSetsOf } from '../sets/sets.ts';
import { verdictOf } from '../sets/verdict.ts';
import {
  addDays,
  type DueDate,
  dateIn,
  daysUntilDue,
  dueDates,
  type Schedule,
  scheduleOf,
  zoneOf,
} from './calendar.ts';

/** One due date of a dataset, or a set that waits. */
export interface Arrival {
  readonly dataset: string;
  /** Business date, or name of the set where the contract names no dates. */
  readonly date: string;
  /**
   * `due`: not there and not late yet. `arrived`: on time. `late`: after it was due. `missing`: due and not there. `incomplete`: some of its files
   * are there, and it is due or a set.
   */
  readonly state: 'due' | 'arrived' | 'late' | 'missing' | 'incomplete';
  /** Undefined for a set without a calendar. */
  readonly due?: Date;
  readonly arrivedAt?: Date;
  readonly files: number;
  readonly expected?: number;
  readonly rows: number;
  /** What it lacks, for people. */
  readonly lacks: string;
}

export interface ArrivalPorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** What was due in the last `days` and today, oldest first, and sets that wait. One or two queries a due date. */
export async function arrivalsOf(
  { ledger, clock }: ArrivalPorts,
  dataset: Dataset,
  days: number,
): Promise<readonly Arrival[]> {
  const now = clock.now();
  const schedule = scheduleOf(dataset);
  const arrivals: Arrival[] = [];
  if (schedule !== undefined) {
    const first = await firstDate({ ledger, clock }, dataset, schedule);
    for (const due of dueDates(schedule, now, days))
      if (due.businessDate >= first) arrivals.push(await arrivalOf(ledger, dataset, schedule, due, now));
  }
  return [...arrivals, ...(await waitingSets(ledger, dataset, arrivals))];
}

/** Nothing is missed of a feed before its first file, or the day when a sweep first looked for one. */
async function firstDate(
  { ledger, clock }: ArrivalPorts,
  dataset: Dataset,
  schedule: Schedule,
): Promise<string> {
  const id = datasetId(dataset);
  const [first] = await ledger.query<FileEntry>({ partition: partitions.files(id), limit: 1 });
  const watched = await ledger.get<{ at: string }>(partitions.alerts, watchOf(id));
  const known = [
    ...(first === undefined ? [] : [dateOf(first.body, dataset)]),
    ...(watched === undefined ? [] : [dateIn(schedule.timezone, new Date(watched.body.at))]),
  ];
  return known.sort()[0] ?? dateIn(schedule.timezone, clock.now());
}

const watchOf = (dataset: string): string => `arrival#${dataset}`;

async function arrivalOf(
  ledger: Ledger,
  dataset: Dataset,
  schedule: Schedule,
  { businessDate, due }: DueDate,
  now: Date,
): Promise<Arrival> {
  const id = datasetId(dataset);
  const all = await filesOfDate(ledger, dataset, businessDate);
  const there = all.filter(hasArrived).sort(byReceipt);
  const set = hasSets(dataset) ? await setOf(ledger, dataset, businessDate) : undefined;
  const bySource = sources(dataset).map(({ landing }) => ({
    landing,
    files: there.filter(({ key }) => asSent(dataset, key).landing === landing),
  }));
  const short = bySource.filter(({ files }) => files.length < schedule.files);
  const isThere = set === undefined ? short.length === 0 : set.isWhole && there.length > 0;
  const needed = bySource.flatMap(({ files }) => files.slice(0, schedule.files)).sort(byReceipt);
  const last = set === undefined ? needed.at(-1) : there.at(-1);
  const refused = all.filter(({ state }) => state === 'quarantined').length;
  const count = ({ landing, files }: (typeof bySource)[number]) =>
    `${bySource.length > 1 ? `${landing}: ` : ''}${files.length} of ${schedule.files} files`;
  const lacks = isThere
    ? ''
    : [
        ...(set === undefined || set.lacks === ''
          ? (short.length === 0 ? bySource : short).map(count)
          : [set.lacks]),
        ...(refused > 0 ? [`${refused} quarantined`] : []),
      ].join('; ');
  const base = {
    dataset: id,
    date: businessDate,
    due,
    files: there.length,
    ...(hasSets(dataset) && dataset.fileSet.kind !== 'count'
      ? {}
      : { expected: schedule.files * bySource.length }),
    rows: there.reduce((sum, { counts }) => sum + counts.received, 0),
    lacks,
  };
  if (isThere && last !== undefined) {
    const arrivedAt = new Date(last.receivedAt);
    return { ...base, state: arrivedAt <= due ? 'arrived' : 'late', arrivedAt };
  }
  if (now < due) return { ...base, state: 'due' };
  return { ...base, state: there.length > 0 ? 'incomplete' : 'missing' };
}

const byReceipt = (a: FileEntry, b: FileEntry): number => (a.receivedAt < b.receivedAt ? -1 : 1);

/** Refused, replaced and repeated files are no arrivals; those that a rollback withdrew were. */
export const hasArrived = ({ state }: FileEntry): boolean =>
  state === 'admitted' || state === 'held' || state === 'published' || state === 'withdrawn';

/** Business date of a file; of one without it the day of its receipt in the dataset's zone. */
export const dateOf = ({ businessDate, receivedAt }: FileEntry, dataset: Dataset): string =>
  businessDate ?? dateIn(zoneOf(dataset), new Date(receivedAt));

/** Files of a business date. Those without one count for the day of their receipt in the zone, which two days of UTC share. */
export async function filesOfDate(
  ledger: Ledger,
  dataset: Dataset,
  date: string,
): Promise<readonly FileEntry[]> {
  const partition = partitions.files(datasetId(dataset));
  const query = async (prefix: string) =>
    Array.fromAsync(everything<FileEntry>(ledger, { partition, prefix }), ({ body }) => body);
  if (dataset.landing.includes('{businessDate:')) return query(`${date}.`);
  const received = [-1, 0, 1].map((days) => `${UNDATED}${addDays(date, days).replaceAll('-', '')}`);
  const undated = (await Promise.all(received.map(query)))
    .flat()
    .filter((file) => dateOf(file, dataset) === date);
  return [...(await query(`${date}.`)), ...undated];
}

async function setOf(
  ledger: Ledger,
  dataset: Parameters<typeof openSetsOf>[1],
  set: string,
): Promise<{ readonly isWhole: boolean; readonly lacks: string }> {
  const files = await filesOfSet(ledger, datasetId(dataset), set);
  // Before the contract had sets, its files came one by one.
  if (files.length === 0) return { isWhole: true, lacks: '' };
  const { state, lacks } = verdictOf(dataset.fileSet, set, files);
  return { isWhole: state === 'complete', lacks };
}

/** Incomplete sets that no due date stands for. */
async function waitingSets(
  ledger: Ledger,
  dataset: Dataset,
  known: readonly Arrival[],
): Promise<readonly Arrival[]> {
  if (!hasSets(dataset)) return [];
  const id = datasetId(dataset);
  const open = (await openSetsOf(ledger, dataset)).filter(
    ({ since, set }) => since !== undefined && !known.some(({ date }) => date === set),
  );
  return Promise.all(
    open.map(async ({ set, lacks }): Promise<Arrival> => {
      const there = (await filesOfSet(ledger, id, set)).filter(hasArrived);
      const rows = there.reduce((sum, { counts }) => sum + counts.received, 0);
      return { dataset: id, date: set, state: 'incomplete', files: there.length, rows, lacks };
    }),
  );
}

/** Days after it was due that a sweep looks for a file that never came: a long weekend without sweeps lies within. */
const LOOK_BACK_DAYS = 14;

/**
 * Tells once of each due date that has passed without its files; what can't be told stays due (`lib/ledger/notices.ts`). Dates that were due before anybody looked for the first time are not told of.
 * @returns the dates that were told of
 */
export async function tellOfMissing(
  ports: ArrivalPorts & { readonly notifier: Notifier },
  dataset: Dataset,
): Promise<readonly string[]> {
  const schedule = scheduleOf(dataset);
  if (schedule === undefined) return [];
  const { ledger, clock } = ports;
  const id = datasetId(dataset);
  const since = await watchedSince(ports, id);
  const now = clock.now();
  const told: string[] = [];
  const ahead = daysUntilDue(schedule, now);
  for (const due of dueDates(schedule, now, LOOK_BACK_DAYS + ahead)) {
    if (due.due > now || due.due < since) continue;
    const matter = `${watchOf(id)}#${due.businessDate}`;
    if (await isSettled(ports, matter)) continue;
    const arrival = await arrivalOf(ledger, dataset, schedule, due, now);
    // A date whose files are there is settled as well, and never looked at again.
    const isThere = arrival.state === 'arrived' || arrival.state === 'late';
    const isMissed = !isThere && due.businessDate >= (await firstDate(ports, dataset, schedule));
    const notice = isMissed ? missingNotice(arrival, due.due) : undefined;
    if (await settle(ports, matter, notice, DATED_MATTER_DAYS + ahead)) told.push(arrival.date);
  }
  return told;
}

const missingNotice = ({ dataset, date, state, lacks }: Arrival, due: Date): Notice => ({
  kind: 'arrival.missing',
  dataset,
  title: `${dataset}: files of ${date} are ${state}`,
  facts: { date, due: due.toISOString(), reason: lacks },
  next: `headgate arrivals --dataset ${dataset}`,
});

async function watchedSince({ ledger, clock }: ArrivalPorts, dataset: string): Promise<Date> {
  const sort = watchOf(dataset);
  const known = await ledger.get<{ at: string }>(partitions.alerts, sort);
  if (known !== undefined) return new Date(known.body.at);
  const at = clock.now();
  await ledger.transact([
    { kind: 'put', partition: partitions.alerts, sort, body: { at: at.toISOString() }, ifVersion: 0 },
  ]);
  return at;
}

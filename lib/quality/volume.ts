import { dateOf, filesOfDate, hasArrived } from '../arrivals/arrivals.ts';
import { addDays, type Schedule, scheduleOf } from '../arrivals/calendar.ts';
import type { Dataset, VolumeRule } from '../contract/dataset.ts';
import type { FileEntry, Reason } from '../ledger/entries.ts';
import type { Ledger } from '../ports/ledger.ts';

/** What came for one business date. */
export interface DayVolume {
  readonly rows: number;
  readonly files: number;
}

/** `unusual`: far too few or too many rows. `unknown`: too little to compare with, nothing is judged. */
export interface VolumeFinding {
  readonly kind: 'unusual' | 'unknown';
  readonly reason: Reason;
}

/** Arrivals that a date is compared with. */
const MOST_COMPARED = 28;
/** Weeks, or months, that are looked back over for them: gaps are passed over. */
const MOST_STEPS = 40;

/**
 * Rows of every business date of a batch against the last comparable ones: the same day of the week, or the last ends of months. Reads the
 * ledger alone, of at most 40 dates before each, every one once for the whole batch. Dates whose files a person has waived are not judged.
 */
export async function volumeFindings(
  ledger: Ledger,
  dataset: Dataset,
  batch: readonly FileEntry[],
): Promise<readonly VolumeFinding[]> {
  const { volume } = dataset;
  if (volume === undefined) return [];
  const schedule = scheduleOf(dataset);
  const known = new Map<string, Promise<DayVolume>>();
  const volumeOf = (date: string): Promise<DayVolume> => {
    const found = known.get(date) ?? filesOfDate(ledger, dataset, date).then(total);
    known.set(date, found);
    return found;
  };
  const judged = batch.filter(({ waivedBy }) => waivedBy === undefined);
  const dates = new Set(judged.map((file) => dateOf(file, dataset)));
  const findings: VolumeFinding[] = [];
  const unknown: string[] = [];
  for (const date of [...dates].sort()) {
    const before: DayVolume[] = [];
    for (const earlier of comparableDates(date, schedule)) {
      if (before.length === MOST_COMPARED) break;
      const day = await volumeOf(earlier);
      if (day.files > 0) before.push(day);
    }
    const found = judge(volume, date, await volumeOf(date), before);
    if (found.some(({ kind }) => kind === 'unknown')) unknown.push(date);
    findings.push(...found);
  }
  return unknown.length < 2
    ? findings
    : [...findings.filter(({ kind }) => kind !== 'unknown'), notJudged(volume, unknown)];
}

/** A backlog's first dates have little before them: said once for all. */
const notJudged = ({ fewest }: VolumeRule, dates: readonly string[]): VolumeFinding => ({
  kind: 'unknown',
  reason: {
    code: 'batch.volume_unknown',
    message: `${dates.length} dates from ${dates[0]} to ${dates.at(-1)}: fewer than ${fewest} comparable arrivals; nothing is judged`,
  },
});

const total = (files: readonly FileEntry[]): DayVolume => {
  const arrived = files.filter(hasArrived);
  return { files: arrived.length, rows: arrived.reduce((sum, { counts }) => sum + counts.received, 0) };
};

/** Earlier dates like this one, newest first. */
function comparableDates(date: string, schedule: Schedule | undefined): readonly string[] {
  const isRare = schedule?.isRare === true;
  const back = Array.from({ length: MOST_STEPS * (isRare ? 31 : 1) }, (_, index) =>
    addDays(date, -(index + 1) * (isRare ? 1 : 7)),
  );
  return back.filter((each) => schedule?.hasFiles(each) !== false);
}

/** Deviation from the median that a normal distribution has at one standard deviation. */
const NORMAL = 1.4826;
/** Volumes that hardly vary would make every row an anomaly. */
const LEAST_SHARE = 0.05;

/** Pure: whether a date's volume lies within what is usual. Too few rows are judged once as many files are there as usual. */
export function judge(
  { tolerance, fewest }: VolumeRule,
  date: string,
  { rows, files }: DayVolume,
  before: readonly DayVolume[],
): readonly VolumeFinding[] {
  if (before.length < fewest) {
    const message = `${date}: ${before.length} comparable arrivals, ${fewest} are needed to judge its volume; nothing is judged`;
    return [{ kind: 'unknown', reason: { code: 'batch.volume_unknown', message } }];
  }
  const usual = median(before.map((day) => day.rows));
  const spread = NORMAL * median(before.map((day) => Math.abs(day.rows - usual)));
  const room = tolerance * Math.max(spread, Math.sqrt(usual), LEAST_SHARE * usual);
  const isPart = files < median(before.map((day) => day.files));
  if (rows <= usual + room && (rows >= usual - room || isPart)) return [];
  const low = Math.max(0, Math.ceil(usual - room));
  const high = Math.floor(usual + room);
  const what = rows > usual ? 'too many' : 'too few';
  const message = `${date}: ${what} rows: ${rows}, usual are ${low} to ${high} (median ${usual} of the last ${before.length} comparable arrivals)`;
  return [{ kind: 'unusual', reason: { code: 'batch.volume', message } }];
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

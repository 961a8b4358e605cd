import { Temporal } from 'temporal-polyfill';
import type { ArrivalCalendar, Dataset, ServiceLevel, Weekday } from '../contract/dataset.ts';
import { DAY_MS } from '../ports/clock.ts';

/** A business date that has files, and the moment until which they count as on time. */
export interface DueDate {
  /** `yyyy-MM-dd` */
  readonly businessDate: string;
  readonly due: Date;
}

/** When a dataset's files are due: pure, from its contract. */
export interface Schedule {
  readonly timezone: string;
  /** Files that a business date has, from each source. */
  readonly files: number;
  /** Whether business dates are so rare that days of the week can't be compared. */
  readonly isRare: boolean;
  hasFiles(businessDate: string): boolean;
  dueOf(businessDate: string): Date;
}

const DAYS: Readonly<Record<string, number>> = {
  h: 1 / 24, hour: 1 / 24, hours: 1 / 24,
  d: 1, day: 1, days: 1,
  w: 7, week: 7, weeks: 7,
  month: 30, months: 30,
  y: 365, yr: 365, year: 365, years: 365,
}; // biome-ignore format: a list to look things up in

const EVERY_DAY: ArrivalCalendar = { timezone: 'UTC', days: 'daily', holidays: [], lagDays: 1 };

/** The zone in which a dataset's days begin and end. */
export const zoneOf = ({ arrivals }: Pick<Dataset, 'arrivals'>): string => (arrivals ?? EVERY_DAY).timezone;

/**
 * Undefined where the contract does not say on which days files come: it has neither `ingestion.arrivals` nor a `frequency` of a day or less.
 * A date is due at `timeOfAvailability`, `lagDays` after it; without that time `latency` (default one day) after the date has ended in the zone.
 */
export function scheduleOf({ arrivals, service, fileSet }: Dataset): Schedule | undefined {
  const level = (property: string) => service.find((each) => each.property === property);
  const every = daysOf(level('frequency'));
  if (arrivals === undefined && (every === undefined || every > 1)) return undefined;
  const calendar = arrivals ?? EVERY_DAY;
  const { timezone, lagDays } = calendar;
  const time = level('timeOfAvailability')?.value;
  const latency = daysOf(level('latency')) ?? 1;
  return {
    timezone,
    files: fileSet?.kind === 'count' ? fileSet.count : Math.max(1, Math.floor(1 / (every ?? 1))),
    isRare: calendar.days === 'monthEnd',
    hasFiles: (businessDate) => hasFiles(calendar, Temporal.PlainDate.from(businessDate)),
    dueOf(businessDate) {
      const date = Temporal.PlainDate.from(businessDate);
      if (typeof time === 'string') return atTime(date.add({ days: lagDays }), time, timezone);
      const end = date.add({ days: 1 }).toZonedDateTime(timezone);
      return new Date(end.epochMilliseconds + latency * DAY_MS);
    },
  };
}

/** Undefined for what is no period. */
const daysOf = (level: ServiceLevel | undefined): number | undefined => {
  const days = DAYS[level?.unit ?? 'd'];
  return level === undefined || days === undefined || typeof level.value !== 'number'
    ? undefined
    : level.value * days;
};

/** A time that the change to summer time leaves out is an hour later; of two possible ones the earlier counts. */
function atTime(date: Temporal.PlainDate, text: string, timezone: string): Date {
  const [, clock = text, offset] = /^(\d\d:\d\d)(.*)$/.exec(text) ?? [];
  const zone = offset === '' || offset === undefined ? timezone : offset === 'Z' ? 'UTC' : offset;
  const moment = date.toZonedDateTime({ timeZone: zone, plainTime: Temporal.PlainTime.from(clock) });
  return new Date(moment.epochMilliseconds);
}

const WEEKDAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const weekdayOf = (date: Temporal.PlainDate): Weekday => WEEKDAYS[date.dayOfWeek - 1] ?? 'mon';

function hasFiles(calendar: ArrivalCalendar, date: Temporal.PlainDate): boolean {
  const { days, holidays } = calendar;
  if (days === 'monthEnd') return date.equals(monthEnd(calendar, date));
  if (holidays.includes(date.toString())) return false;
  if (days === 'daily') return true;
  return days === 'weekdays' ? date.dayOfWeek <= 5 : days.includes(weekdayOf(date));
}

/** The last working day of a date's month. */
function monthEnd({ holidays }: ArrivalCalendar, date: Temporal.PlainDate): Temporal.PlainDate {
  let end = date.with({ day: date.daysInMonth });
  while ((end.dayOfWeek > 5 || holidays.includes(end.toString())) && end.day > 1)
    end = end.subtract({ days: 1 });
  return end;
}

/** Business dates with files whose day has begun by `now`, from `days` before it on, oldest first. */
export function dueDates(schedule: Schedule, now: Date, days: number): readonly DueDate[] {
  const today = todayIn(schedule.timezone, now);
  return Array.from({ length: days + 1 }, (_, index) => today.subtract({ days: days - index }).toString())
    .filter((businessDate) => schedule.hasFiles(businessDate))
    .map((businessDate) => ({ businessDate, due: schedule.dueOf(businessDate) }));
}

/** Days from the begin of a business date to the moment when its files are due, rounded up. */
export function daysUntilDue(schedule: Schedule, now: Date): number {
  const date = todayIn(schedule.timezone, now);
  const begin = date.toZonedDateTime(schedule.timezone).epochMilliseconds;
  return Math.max(0, Math.ceil((schedule.dueOf(date.toString()).getTime() - begin) / DAY_MS));
}

/** More than the days of any pause but one: a calendar of ends of months has none to look for. */
const AROUND = 14;

/** Days from a business date with files to the next one, where most of them lie between: a weekend, holidays. Undefined where that is longer than two weeks. */
export function longestPause(schedule: Schedule, { holidays }: ArrivalCalendar): number | undefined {
  let longest = 0;
  for (const middle of ['2001-01-01', ...holidays]) {
    const days = Array.from({ length: 2 * AROUND + 1 }, (_, day) => addDays(middle, day - AROUND));
    const dated = days.flatMap((date, day) => (schedule.hasFiles(date) ? [day] : []));
    const pauses = dated.slice(1).map((day, index) => day - (dated[index] ?? 0));
    longest = Math.max(longest, ...pauses);
    if (pauses.length === 0) return undefined;
  }
  return longest;
}

const todayIn = (timezone: string, now: Date): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timezone).toPlainDate();

/** The date that a moment has in a zone. */
export const dateIn = (timezone: string, moment: Date): string => todayIn(timezone, moment).toString();

/** When a date begins in a zone, and when the next one does. */
export function dayOf(timezone: string, date: string): { readonly from: Date; readonly to: Date } {
  const start = (day: string) =>
    new Date(Temporal.PlainDate.from(day).toZonedDateTime(timezone).epochMilliseconds);
  return { from: start(date), to: start(addDays(date, 1)) };
}

/** `days` may be negative. */
export const addDays = (date: string, days: number): string =>
  Temporal.PlainDate.from(date).add({ days }).toString();

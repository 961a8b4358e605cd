import { describe, expect, test } from '@jest/globals';
import { daysUntilDue, dueDates, scheduleOf } from '../../lib/arrivals/calendar.ts';
import type { ArrivalCalendar, Dataset, ServiceLevel } from '../../lib/contract/dataset.ts';

const dataset = (arrivals: Partial<ArrivalCalendar> | undefined, ...service: readonly ServiceLevel[]) =>
  ({
    service,
    ...(arrivals === undefined
      ? {}
      : { arrivals: { timezone: 'UTC', days: 'daily', holidays: [], lagDays: 1, ...arrivals } }),
  }) as unknown as Dataset;
const datesOf = (of: Dataset, now: string, days: number) => {
  const schedule = scheduleOf(of);
  return schedule === undefined
    ? undefined
    : dueDates(schedule, new Date(now), days).map(
        ({ businessDate, due }) => `${businessDate} ${due.toISOString().slice(0, 16)}`,
      );
};
const time = (value: string): ServiceLevel => ({ property: 'timeOfAvailability', value });
const frequency = (value: number, unit: string): ServiceLevel => ({ property: 'frequency', value, unit });

describe('when files are due', () => {
  test.each([
    [
      'a local time, through the change to summer time and back',
      dataset({ timezone: 'Europe/Amsterdam' }, time('06:00')),
      '2026-03-29T12:00:00Z',
      ['2026-03-27 2026-03-28T05:00', '2026-03-28 2026-03-29T04:00', '2026-03-29 2026-03-30T04:00'],
    ],
    [
      'of a time that the clocks show twice the earlier',
      dataset({ timezone: 'Europe/Amsterdam', lagDays: 0, days: ['sun'] }, time('02:30')),
      '2026-10-25T12:00:00Z',
      ['2026-10-25 2026-10-25T00:30'],
    ],
    [
      'an offset of its own',
      dataset({ lagDays: 0, days: ['sun'] }, time('09:00-08:00')),
      '2026-10-25T12:00:00Z',
      ['2026-10-25 2026-10-25T17:00'],
    ],
    [
      'working days without holidays',
      dataset({ days: 'weekdays', holidays: ['2026-12-25'] }, time('06:00')),
      '2026-12-26T12:00:00Z',
      ['2026-12-24 2026-12-25T06:00'],
    ],
    [
      'a latency after the day has ended where people live, a day of 23 hours',
      dataset({ timezone: 'Europe/Amsterdam', days: ['sun'] }, { property: 'latency', value: 2, unit: 'h' }),
      '2026-03-30T12:00:00Z',
      ['2026-03-29 2026-03-30T00:00'],
    ],
    [
      'a frequency alone: every day, within another one',
      dataset(undefined, frequency(1, 'd')),
      '2026-01-31T12:00:00Z',
      ['2026-01-29 2026-01-31T00:00', '2026-01-30 2026-02-01T00:00', '2026-01-31 2026-02-02T00:00'],
    ],
  ])('%s', (_name, of, now, expected) => {
    expect(datesOf(of, now, 2)).toEqual(expected);
  });

  test('ends of months fall on the working day before a weekend or holiday', () => {
    const of = dataset({ days: 'monthEnd', holidays: ['2026-04-30'] }, time('06:00'));
    expect(datesOf(of, '2026-06-01T12:00:00Z', 110)).toEqual([
      '2026-02-27 2026-02-28T06:00',
      '2026-03-31 2026-04-01T06:00',
      '2026-04-29 2026-04-30T06:00',
      '2026-05-29 2026-05-30T06:00',
    ]);
  });

  test('six-hourly files are four a day; how rare ones fall is not known without a calendar', () => {
    expect(scheduleOf(dataset(undefined, frequency(6, 'h')))?.files).toBe(4);
    expect(scheduleOf(dataset(undefined, frequency(1, 'month')))).toBeUndefined();
    expect(scheduleOf(dataset(undefined))).toBeUndefined();
  });
});

test.each([
  ['a time on the next day', dataset({}, time('06:00')), 2],
  [
    'the books of a month, closed 20 days later',
    dataset({ days: 'monthEnd', lagDays: 20 }, time('06:00')),
    21,
  ],
  ['a latency of 30 days after the date', dataset({}, { property: 'latency', value: 30, unit: 'd' }), 31],
])('how long a date is waited for: %s', (_name, of, days) => {
  const schedule = scheduleOf(of);
  expect(schedule && daysUntilDue(schedule, new Date('2026-03-28T12:00:00Z'))).toBe(days);
});

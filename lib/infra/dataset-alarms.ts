import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { longestPause, scheduleOf } from '../arrivals/calendar.ts';
import { type Dataset, datasetId, type ServiceLevel } from '../contract/dataset.ts';
import type { Watch } from './alarms.ts';
import type { StageConfig } from './config.ts';

/** Hours of the units that a contract's service levels may have. */
const HOURS: Readonly<Record<string, number>> = {
  h: 1, hour: 1, hours: 1,
  d: 24, day: 24, days: 24,
  w: 168, week: 168, weeks: 168,
  month: 720, months: 720,
  y: 8760, yr: 8760, year: 8760, years: 8760,
}; // biome-ignore format: a list to look things up in
/** CloudWatch looks back seven days at most, https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html */
const MOST_HOURS = 7 * 24;
const HOUR = Duration.hours(1);

/** A number that functions count by dataset (lambdas/shared/telemetry.ts). */
export const datasetMetric = (
  { stage }: StageConfig,
  dataset: Dataset,
  metricName: string,
  period = HOUR,
): Metric =>
  new Metric({
    namespace: 'Headgate',
    metricName,
    dimensionsMap: { service: `headgate-${stage}`, dataset: datasetId(dataset) },
    statistic: 'Sum',
    period,
  });

/** What is watched of a dataset: batches on hold, refused rows, and that it comes as its contract promises. */
export function watchesOf(config: StageConfig, dataset: Dataset): readonly Watch[] {
  const id = datasetId(dataset);
  const metric = (name: string) => datasetMetric(config, dataset, name);
  const page = `cloudwatch/home#dashboards:name=headgate-${config.stage}-${dataset.domain}`;
  const hours = promisedHours(dataset);
  return [
    { kind: 'hold-waiting', of: id, metric: metric('run.held'), threshold: 1, console: page },
    {
      kind: 'quarantine-share',
      of: id,
      metric: new MathExpression({
        expression: '100 * FILL(quarantined, 0) / received',
        usingMetrics: { quarantined: metric('rows.quarantined'), received: metric('rows.received') },
        period: HOUR,
      }),
      threshold: config.alarms.quarantinedPercent,
      console: page,
    },
    ...(isAwaited(dataset)
      ? [
          {
            kind: 'arrival-missing',
            of: id,
            metric: new MathExpression({
              expression: 'FILL(dates, 0) + FILL(sets, 0)',
              usingMetrics: { dates: metric('arrival.missing'), sets: metric('set.incomplete') },
              period: HOUR,
            }),
            threshold: 1,
            console: page,
          } as const,
        ]
      : []),
    ...(hours === undefined
      ? []
      : [
          {
            kind: 'freshness-missed',
            of: id,
            metric: metric('run.published'),
            threshold: 1,
            when: 'less than',
            periods: hours,
            silence: 'wrong',
            console: page,
          } as const,
        ]),
  ];
}

/** What the sweep tells of: due dates of a calendar, sets. */
const isAwaited = (dataset: Dataset): boolean =>
  dataset.fileSet !== undefined || dataset.arrivals !== undefined;

/**
 * Hours in which something must have been published: how often files come, and how long one may take, over a weekend or holidays of its calendar, too. Undefined where the contract promises no
 * frequency, or one that is longer than CloudWatch looks back: the daily check watches those.
 * @throws Error for a unit that is not known
 */
export function promisedHours(dataset: Dataset): number | undefined {
  const level = (property: string) => dataset.service.find((each) => each.property === property);
  const frequency = level('frequency');
  if (frequency === undefined) return undefined;
  const latency = level('latency');
  const pause = pauseHours(dataset, hoursOf(dataset, frequency));
  const hours = Math.ceil(
    hoursOf(dataset, frequency) + pause + (latency === undefined ? 0 : hoursOf(dataset, latency)),
  );
  return hours > MOST_HOURS ? undefined : hours;
}

const DAY_HOURS = 24;

/** What the longest pause of its calendar adds to how often files come; and the night when clocks are set back has an hour more. */
function pauseHours(dataset: Dataset, every: number): number {
  const { arrivals } = dataset;
  const schedule = scheduleOf(dataset);
  if (arrivals === undefined || schedule === undefined) return 0;
  const days = longestPause(schedule, arrivals) ?? Number.POSITIVE_INFINITY;
  const hour = arrivals.timezone === 'UTC' ? 0 : 1;
  return Math.max(0, days * DAY_HOURS - Math.max(every, DAY_HOURS)) + hour;
}

function hoursOf(dataset: Dataset, { property, value, unit = 'd' }: ServiceLevel): number {
  const hours = HOURS[unit];
  if (hours !== undefined && typeof value === 'number') return value * hours;
  throw new Error(
    `${datasetId(dataset)} promises ${property} ${value} ${unit}; an alarm needs a number of ${Object.keys(HOURS).join(', ')}`,
  );
}

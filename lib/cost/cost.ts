import { PRICES } from './prices.ts';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** What a stage costs a month when no file comes, by item, in USD: counted from its templates, so a new alarm shows here. */
export function idleCost(
  templates: readonly { readonly Resources: Readonly<Record<string, Resource>> }[],
): Readonly<Record<string, number>> {
  const resources = templates.flatMap(({ Resources }) => Object.values(Resources));
  const count = (type: string) => resources.filter(({ Type }) => Type === type).length;
  const alarmMetrics = resources
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .reduce((sum, { Properties }) => sum + metricsOf(Properties), 0);
  return {
    keys: count('AWS::KMS::Key') * PRICES.kmsKey,
    secrets: count('AWS::SecretsManager::Secret') * PRICES.secret,
    alarms: alarmMetrics * PRICES.alarmMetric,
    compositeAlarms: count('AWS::CloudWatch::CompositeAlarm') * PRICES.compositeAlarm,
    dashboards: Math.max(0, count('AWS::CloudWatch::Dashboard') - PRICES.freeDashboards) * PRICES.dashboard,
    sweeper: SWEEPS * (lambda(SWEEP_MB, SWEEP_SECONDS) + SWEEP_LISTS * PRICES.s3Write),
    mirror: MIRRORS * lambda(SWEEP_MB, MIRROR_SECONDS),
  };
}

/** An alarm on an expression is paid by the metrics in it. */
function metricsOf(properties: Resource['Properties'] = {}): number {
  const metrics = properties.Metrics as readonly { readonly MetricStat?: object }[] | undefined;
  return metrics === undefined ? 1 : metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;
}

const SWEEPS = 60 * 24 * 30;
const SWEEP_MB = 512;
/** Assumed, not measured on AWS. */
const SWEEP_SECONDS = 1;
const SWEEP_LISTS = 2;
/** Copies of the ledger, every five minutes. Seconds assumed, where nothing has changed. */
const MIRRORS = 12 * 24 * 30;
const MIRROR_SECONDS = 2;

/** One call, in USD. */
export const lambda = (megabytes: number, seconds: number): number =>
  PRICES.lambdaRequest + (megabytes / 1024) * seconds * PRICES.lambdaGbSecond;

/** One run of a Glue job, in USD. */
export const glueRun = (workers: number, seconds: number): number =>
  (workers * Math.max(60, seconds) * PRICES.glueDpuHour) / 3600;

/** The least that Athena counts of a query, and the unit that it rounds up to (pricing page). */
const ATHENA_LEAST_MB = 10;
const MEGABYTE = 1e6;

export const ATHENA_PRICE = `${PRICES.athenaTerabyte} USD a terabyte and ${ATHENA_LEAST_MB} MB a query at least, by list price`;

/** One query, in USD. */
export const athenaQuery = (bytes: number): number =>
  (Math.max(ATHENA_LEAST_MB, Math.ceil(bytes / MEGABYTE)) * MEGABYTE * PRICES.athenaTerabyte) / 1e12;

export interface RunShape {
  /** Memory and seconds of each call. */
  readonly calls: readonly { readonly megabytes: number; readonly seconds: number }[];
  readonly transitions: number;
  readonly s3Writes: number;
  readonly s3Reads: number;
  readonly dynamoWrites: number;
  readonly dynamoReads: number;
  readonly catalogueRequests: number;
}

/** One run of the state machine with its intake, in USD. */
export const runCost = ({
  calls,
  transitions,
  s3Writes,
  s3Reads,
  dynamoWrites,
  dynamoReads,
  catalogueRequests,
}: RunShape): number =>
  calls.reduce((sum, { megabytes, seconds }) => sum + lambda(megabytes, seconds), 0) +
  transitions * PRICES.stateTransition +
  s3Writes * PRICES.s3Write +
  s3Reads * PRICES.s3Read +
  dynamoWrites * PRICES.dynamoWrite +
  dynamoReads * PRICES.dynamoRead +
  catalogueRequests * PRICES.glueRequest;

/**
 * List prices in USD, eu-west-1, as the author of this file remembers AWS's price pages of the first half of 2025, without having been able to open
 * them: check each against its page before relying on it, and then change this date.
 */
export const PRICES_AS_OF = '2025 (from memory, unchecked)';

export const PRICES = {
  /** https://aws.amazon.com/lambda/pricing/ ARM, a GB-second, a request. */
  lambdaGbSecond: 0.0000133334,
  lambdaRequest: 0.0000002,
  /** https://aws.amazon.com/step-functions/pricing/ a transition of a standard workflow. */
  stateTransition: 0.000025,
  /** https://aws.amazon.com/s3/pricing/ a write (PUT, LIST), a read (GET). */
  s3Write: 0.000005,
  s3Read: 0.0000004,
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ a write and a read unit. */
  dynamoWrite: 0.000000705,
  dynamoRead: 0.0000001415,
  /** https://aws.amazon.com/glue/pricing/ a DPU-hour; a minute at least; a request to the catalogue. */
  glueDpuHour: 0.44,
  glueRequest: 0.000001,
  /** https://aws.amazon.com/kms/pricing/ a key a month. */
  kmsKey: 1,
  /** https://aws.amazon.com/secrets-manager/pricing/ a secret a month. */
  secret: 0.4,
  /** https://aws.amazon.com/cloudwatch/pricing/ a month each: a metric that an alarm looks at, a composite alarm, a dashboard beyond three, a metric of ours. */
  alarmMetric: 0.1,
  compositeAlarm: 0.5,
  dashboard: 3,
  freeDashboards: 3,
  customMetric: 0.3,
} as const;

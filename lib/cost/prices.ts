/**
 * List prices in USD, eu-west-1. Looked up on 2026-11-21 in stored public copies, as no page of AWS's can be opened from here: a transition on AWS's own page, for Ireland.
 * For us-east-1, or without a region (eu-west-1 has the same as far as remembered): Lambda on ARM; a DPU-hour on AWS's own page of Glue; S3's requests (c3x.dev);
 * a secret (a transcript of AWS's page of 2026-09-20); a key (cloudburn.io, March 2026); alarms and composite alarms (c3x.dev); dashboards (factualminds.com, June 2026);
 * metrics of ours (calculator.city); a terabyte that Athena scans, with the least of a query (athena.guide, rcpedia.stanford.edu). DynamoDB was found for us-east-1 only (0.625 and 0.125 a million; Ireland's are some 13 percent more). It, the catalogue's requests
 * and how many dashboards are free are from memory of the first half of 2025: open the page before relying on one.
 */
export const PRICES_AS_OF =
  'list prices, looked up in November 2026 but for DynamoDB and the Glue catalogue, which are from memory (2025)';

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
  /** https://aws.amazon.com/athena/pricing/ a terabyte (10^12 bytes are taken) that a query scans. */
  athenaTerabyte: 5,
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

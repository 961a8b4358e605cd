/**
 * How every client of an AWS service calls: five attempts with jittered backoff, and no call waits for ever. Region, credentials and
 * endpoint come from where the SDK looks for them.
 */
export const CLIENT = {
  maxAttempts: 5,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
} as const;

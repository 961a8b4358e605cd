import { ConflictError, type HeadgateError, TerminalError, TransientError } from '../../errors.ts';

type Family = 'conflict' | 'transient' | 'terminal';

/**
 * What an error of an AWS service means, by its name in the service's API reference. What is not named here goes by the HTTP status: 5xx, 429
 * and no answer at all may pass, any other 4xx will not.
 */
const FAMILIES: Readonly<Record<string, Family>> = {
  // S3: If-Match or If-None-Match did not hold, or another conditional write of the key was in flight
  PreconditionFailed: 'conflict',
  ConditionalRequestConflict: 'conflict',
  // DynamoDB, Glue
  ConditionalCheckFailedException: 'conflict',
  ConcurrentModificationException: 'conflict',
  TransactionConflictException: 'transient',
  TransactionInProgressException: 'transient',
  // throttling: these come with status 400
  ThrottlingException: 'transient',
  Throttling: 'transient',
  ThrottledException: 'transient',
  TooManyRequestsException: 'transient',
  RequestLimitExceeded: 'transient',
  ProvisionedThroughputExceededException: 'transient',
  LimitExceededException: 'transient',
  ResourceNumberLimitExceededException: 'transient',
  SlowDown: 'transient',
  // passing states of a service, its keys or the caller's session
  OperationTimeoutException: 'transient',
  InternalServiceException: 'transient',
  KMSThrottlingException: 'transient',
  // The same as S3 passes it on, with status 400
  'KMS.ThrottlingException': 'transient',
  ExpiredToken: 'transient',
  ExpiredTokenException: 'transient',
  RequestTimeout: 'transient',
  RequestTimeTooSkewed: 'transient',
  TimeoutError: 'transient',
};

interface ServiceError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $retryable?: unknown;
}

/** Asks a service. @throws the family that the error belongs to; `what` says what was asked of what */
export async function asking<T>(what: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw awsError(what, error);
  }
}

/** Messages of AWS services name resources and limits, never what an object or item holds. */
export function awsError(what: string, error: unknown): unknown {
  const { name = 'Error', message = '', $metadata } = (error ?? {}) as ServiceError;
  // An error of the body that was being sent, or one of ours, is nobody's answer.
  if (!isFromAws(error)) return error;
  const text = `${what}: ${name}${message === '' ? '' : `, ${message.split('\n')[0]}`}`;
  const facts = { service: name, ...($metadata?.requestId ? { requestId: $metadata.requestId } : {}) };
  const options = { fault: 'headgate' as const, cause: error, facts };
  const make: Record<Family, () => HeadgateError> = {
    conflict: () => new ConflictError(text, options),
    transient: () => new TransientError(`${text}; it is tried again`, options),
    terminal: () => new TerminalError(text, options),
  };
  return make[familyOf(error as ServiceError)]();
}

/** Codes of a connection that broke or was never made. */
const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ERR_STREAM_PREMATURE_CLOSE)/;

const isFromAws = (error: unknown): boolean =>
  error instanceof Error &&
  ('$metadata' in error || error.name in FAMILIES || NETWORK.test(String((error as { code?: string }).code)));

function familyOf({ name = '', $metadata, $retryable }: ServiceError): Family {
  const named = FAMILIES[name];
  if (named !== undefined) return named;
  const status = $metadata?.httpStatusCode;
  if (status === undefined || status >= 500 || status === 429 || $retryable !== undefined) return 'transient';
  return 'terminal';
}

/** Whether a service answered with one of these errors. */
export const isNamed = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.includes(error.name);

/** HTTP status of a service's answer, undefined for errors that are none. */
export const statusOf = (error: unknown): number | undefined =>
  (error as ServiceError | undefined)?.$metadata?.httpStatusCode;

/** Whose error it is: who has to act so that it does not come again. */
export type Fault = 'source' | 'contract' | 'headgate';

export interface ErrorFacts {
  readonly [name: string]: string | number | boolean | readonly string[] | undefined;
}

export interface HeadgateErrorOptions {
  readonly fault: Fault;
  readonly facts?: ErrorFacts;
  readonly cause?: unknown;
}

/** Base of every error that Headgate throws. The message never holds the value of a row or a secret. */
export abstract class HeadgateError extends Error {
  readonly fault: Fault;
  readonly facts: ErrorFacts;

  constructor(message: string, options: HeadgateErrorOptions) {
    super(message, { cause: options.cause });
    this.fault = options.fault;
    this.facts = options.facts ?? {};
  }
}

/** Retrying cannot help: quarantine or stop. */
export class TerminalError extends HeadgateError {
  override readonly name: string = 'TerminalError';
}

/** The same call may succeed later: retry, then redeliver. */
export class TransientError extends HeadgateError {
  override readonly name: string = 'TransientError';
}

/** The same call may succeed later; when it goes on failing, the bytes of some file may be to blame, and the batch is halved as for a PoisonError. */
export class UnclearError extends TransientError {
  override readonly name = 'UnclearError';
}

/** A conditional write found another state than the one it was made for. */
export class ConflictError extends TransientError {
  override readonly name = 'ConflictError';
}

/** Records are being compared by a job that nobody waits for; the same call goes on when it is done. */
export class MatchWaiting extends TransientError {
  override readonly name = 'MatchWaiting';
}

/** What was asked for takes more than it may: `facts.limit` names the limit. */
export class LimitError extends TerminalError {
  override readonly name = 'LimitError';
}

/** The bytes of some file of the batch can't be processed; which one is found by halving the batch. */
export class PoisonError extends TerminalError {
  override readonly name = 'PoisonError';
}

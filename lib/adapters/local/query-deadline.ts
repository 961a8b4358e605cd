import type { DuckDBConnection } from '@duckdb/node-api';
import { QUERY_LIMITS } from '../../formats/limits.ts';
import type { QueryOptions } from '../../ports/query-engine.ts';
import { tooLong } from '../../reports/query-limits.ts';

/** DuckDB looks for an interrupt after every 2,048 rows; a new statement forgets an earlier one. */
const INTERRUPT_EVERY_MS = 100;
/** A function over one value of a gigabyte can't be interrupted: after so long nobody waits for it any more. */
const GRACE_MS = 3_000;

/**
 * Interrupts what the connection does when its time is over or the one who asks gives up.
 * `release` gives back what `work` needs, the connection too, as soon as it is over.
 * @throws LimitError, or the signal's reason; `work` may then still be on its way
 */
export async function withDeadline<T>(
  connection: DuckDBConnection,
  { seconds = QUERY_LIMITS.seconds, signal }: QueryOptions,
  { work, release }: { readonly work: () => Promise<T>; readonly release: () => Promise<void> },
): Promise<T> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(tooLong('the query', seconds)), seconds * 1000);
  const giveUp = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted === true) giveUp();
  let interrupting: NodeJS.Timeout | undefined;
  let abandoning: NodeJS.Timeout | undefined;
  // A connection that is closed must not be interrupted.
  let isOver = false;
  const abandoned = new Promise<never>((_, reject) => {
    const interrupt = () => {
      if (isOver) return;
      interrupting = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
      abandoning = setTimeout(() => reject(stop.signal.reason), GRACE_MS);
    };
    if (stop.signal.aborted) interrupt();
    else stop.signal.addEventListener('abort', interrupt);
  });
  const done = work().finally(() => {
    isOver = true;
    clearInterval(interrupting);
    return release();
  });
  try {
    return await Promise.race([done, abandoned]);
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(timer);
    clearTimeout(abandoning);
    signal?.removeEventListener('abort', giveUp);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AthenaClient,
  GetQueryExecutionCommand,
  paginateGetQueryResults,
  type QueryExecution,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { TerminalError, TransientError } from '../../errors.ts';
import { QUERY_LIMITS } from '../../formats/limits.ts';
import type { QueryEngine, QueryOptions, QueryResult } from '../../ports/query-engine.ts';
import { tooLong } from '../../reports/query-limits.ts';
import { asking } from './errors.ts';

export interface AthenaOptions {
  readonly client: AthenaClient;
  /** It sets where results go, their encryption and the limit of bytes. */
  readonly workgroup: string;
}

const FIRST_POLL_MS = 100;
const SLOWEST_POLL_MS = 2_000;
/** One statement per call, answered whole: for reports and people, not for exports. */
export const athenaQueryEngine = ({ client, workgroup }: AthenaOptions): QueryEngine => ({
  async query(sql, options = {}) {
    options.signal?.throwIfAborted();
    const { QueryExecutionId: id = '' } = await asking(`query in workgroup ${workgroup}`, () =>
      client.send(new StartQueryExecutionCommand({ QueryString: sql, WorkGroup: workgroup })),
    );
    const execution = await finished(client, id, options);
    return {
      ...(await results(
        client,
        id,
        execution.StatementType === 'DML' || execution.StatementType === undefined,
      )),
      bytesScanned: execution.Statistics?.DataScannedInBytes ?? 0,
    };
  },
});

/**
 * A query that nobody waits for would run on, up to Athena's 30 minutes, and be paid for: whatever ends the waiting, but for the query's own end,
 * stops it.
 */
async function finished(client: AthenaClient, id: string, options: QueryOptions): Promise<QueryExecution> {
  const execution = await ended(client, id, options).catch(async (error: unknown) => {
    await stop(client, id);
    throw error;
  });
  if (execution.Status?.State === 'SUCCEEDED') return execution;
  throw failure(id, execution);
}

/** Where that fails as well, what went wrong first is what is told. */
async function stop(client: AthenaClient, id: string): Promise<void> {
  try {
    await client.send(new StopQueryExecutionCommand({ QueryExecutionId: id }));
  } catch {}
}

async function ended(
  client: AthenaClient,
  id: string,
  { seconds = QUERY_LIMITS.seconds, signal }: QueryOptions,
): Promise<QueryExecution> {
  // Not by the clock of the wall, which may be set while a query runs.
  const deadline = performance.now() + seconds * 1000;
  for (let wait = FIRST_POLL_MS; performance.now() < deadline; wait = Math.min(wait * 1.5, SLOWEST_POLL_MS)) {
    const { QueryExecution: execution = {} } = await asking(`state of query ${id}`, () =>
      client.send(new GetQueryExecutionCommand({ QueryExecutionId: id })),
    );
    if (/^(SUCCEEDED|FAILED|CANCELLED)$/.test(execution.Status?.State ?? '')) return execution;
    await sleep(
      Math.min(wait, Math.max(deadline - performance.now(), 0)),
      undefined,
      signal === undefined ? {} : { signal },
    ).catch(() => undefined);
    signal?.throwIfAborted();
  }
  throw tooLong(`query ${id}`, seconds);
}

/** The person who asks wrote the statement and may read the tables: they see what Athena says. `ErrorType` and `Retryable`: Athena API, AthenaError. */
function failure(id: string, { Status }: QueryExecution): TerminalError | TransientError {
  const { State, StateChangeReason = 'no reason was given', AthenaError } = Status ?? {};
  const message = `query ${id} ${State === 'CANCELLED' ? 'was cancelled' : 'failed'}: ${StateChangeReason}`;
  const facts = { query: id };
  return AthenaError?.Retryable === true
    ? new TransientError(message, { fault: 'headgate', facts })
    : new TerminalError(message, { fault: 'contract', facts });
}

/** The first row of a SELECT's first page holds the names of its columns. */
async function results(client: AthenaClient, id: string, hasHeader: boolean): Promise<QueryResult> {
  return asking(`results of query ${id}`, async () => {
    let columns: QueryResult['columns'] = [];
    const rows: (readonly (string | null)[])[] = [];
    let isFirst = true;
    for await (const { ResultSet } of paginateGetQueryResults({ client }, { QueryExecutionId: id })) {
      const info = ResultSet?.ResultSetMetadata?.ColumnInfo ?? [];
      columns = info.map(({ Name = '', Type = '' }) => ({ name: Name, type: Type }));
      const page = (ResultSet?.Rows ?? []).map(({ Data = [] }) =>
        columns.map((_, index) => Data[index]?.VarCharValue ?? null),
      );
      rows.push(...(isFirst && hasHeader ? page.slice(1) : page));
      isFirst = false;
    }
    return { columns, rows };
  });
}

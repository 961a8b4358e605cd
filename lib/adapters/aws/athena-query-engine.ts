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
import type { QueryEngine, QueryResult } from '../../ports/query-engine.ts';
import { asking } from './errors.ts';

export interface AthenaOptions {
  readonly client: AthenaClient;
  /** It sets where results go, their encryption and the limit of bytes. */
  readonly workgroup: string;
}

const FIRST_POLL_MS = 100;
const SLOWEST_POLL_MS = 2_000;
/** Athena's own limit for SELECT is 30 minutes by default. */
const DEADLINE_MS = 30 * 60 * 1000;

/** One statement per call, answered whole: for reports and people, not for exports. */
export const athenaQueryEngine = ({ client, workgroup }: AthenaOptions): QueryEngine => ({
  async query(sql) {
    const { QueryExecutionId: id = '' } = await asking(`query in workgroup ${workgroup}`, () =>
      client.send(new StartQueryExecutionCommand({ QueryString: sql, WorkGroup: workgroup })),
    );
    const execution = await finished(client, id);
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

async function finished(client: AthenaClient, id: string): Promise<QueryExecution> {
  const deadline = Date.now() + DEADLINE_MS;
  for (let wait = FIRST_POLL_MS; Date.now() < deadline; wait = Math.min(wait * 1.5, SLOWEST_POLL_MS)) {
    const { QueryExecution: execution = {} } = await asking(`state of query ${id}`, () =>
      client.send(new GetQueryExecutionCommand({ QueryExecutionId: id })),
    );
    const state = execution.Status?.State;
    if (state === 'SUCCEEDED') return execution;
    if (state === 'FAILED' || state === 'CANCELLED') throw failure(id, execution);
    await sleep(wait);
  }
  await client.send(new StopQueryExecutionCommand({ QueryExecutionId: id }));
  throw new TransientError(`query ${id} did not end within 30 minutes and was stopped`, {
    fault: 'headgate',
  });
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

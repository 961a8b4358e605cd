import { createHash } from 'node:crypto';
import { DescribeExecutionCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Executions } from '../../ledger/locks.ts';
import { asking, awsError, isNamed } from './errors.ts';

export interface StateMachineOptions {
  readonly client: SFNClient;
  readonly stateMachineArn: string;
  readonly newId: () => string;
}

/** Starts an execution for a dataset and does not wait for it. One that finds the dataset's lock taken ends at once. */
export const executionStarter =
  ({ client, stateMachineArn, newId }: StateMachineOptions) =>
  async (dataset: string): Promise<void> => {
    const input = JSON.stringify({ dataset });
    const name = executionName(dataset, newId());
    await asking(`start of ${stateMachineArn} for ${dataset}`, () =>
      client.send(new StartExecutionCommand({ stateMachineArn, name, input })),
    );
  };

const ENDED = ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'];
const EXECUTION_ARN = /^arn:[a-z-]+:states:[^:]+:\d+:execution:/;

const FUNCTION = 'function#';

/** Id of one call of a function, which owns a lock no longer than the function may run. */
export const callOfFunction = (requestId: string, remainingMs: number, now = Date.now()): string =>
  `${FUNCTION}${requestId}#${new Date(now + remainingMs).toISOString()}`;

/** Executions of the state machine, whose ids are ARNs, and calls of functions, whose ids say when they end at the latest. */
export const stepFunctionsExecutions = (client: SFNClient): Executions => ({
  async isGone(id) {
    if (id.startsWith(FUNCTION)) return Date.parse(id.slice(id.lastIndexOf('#') + 1)) < Date.now();
    // Of executions elsewhere, such as a laptop's, nothing is known here: their lease decides.
    if (!EXECUTION_ARN.test(id)) return false;
    try {
      const { status } = await client.send(new DescribeExecutionCommand({ executionArn: id }));
      return status !== undefined && ENDED.includes(status);
    } catch (error) {
      // Step Functions forgets an execution 90 days after its end.
      if (isNamed(error, 'ExecutionDoesNotExist')) return true;
      throw awsError(`look-up of the execution ${id}`, error);
    }
  },
});

/** At most 80 characters of letters, digits, hyphen and underscore (API reference of StartExecution). */
const executionName = (dataset: string, id: string): string => {
  const unique = createHash('sha256').update(id).digest('hex').slice(0, 16);
  return `${dataset.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 60)}-${unique}`;
};

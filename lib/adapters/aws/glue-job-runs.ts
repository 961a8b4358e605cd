import {
  GetJobRunsCommand,
  type GlueClient,
  GlueServiceException,
  type JobRun,
  StartJobRunCommand,
} from '@aws-sdk/client-glue';
import { TerminalError, TransientError } from '../../errors.ts';
import { failureIn } from '../../plan/spark-failure.ts';

export interface GlueJobName {
  readonly client: GlueClient;
  readonly jobName: string;
}

/** Runs of a job that carry `--run` among their arguments, the newest first as Glue gives them. */
export async function runsOf({ client, jobName }: GlueJobName, run: string): Promise<readonly JobRun[]> {
  const found: JobRun[] = [];
  let token: string | undefined;
  do {
    const page = await asked(() =>
      client.send(
        new GetJobRunsCommand({ JobName: jobName, ...(token === undefined ? {} : { NextToken: token }) }),
      ),
    );
    found.push(...(page.JobRuns ?? []).filter(({ Arguments }) => Arguments?.['--run'] === run));
    if (found.some(isUnfinished)) break;
    token = page.NextToken;
  } while (token !== undefined);
  return found;
}

const UNFINISHED: readonly string[] = ['STARTING', 'RUNNING', 'STOPPING', 'WAITING'];
export const isUnfinished = ({ JobRunState }: JobRun): boolean =>
  JobRunState !== undefined && UNFINISHED.includes(JobRunState);

export async function startRun(
  { client, jobName }: GlueJobName,
  given: Readonly<Record<string, string>>,
): Promise<string> {
  const { JobRunId } = await asked(() =>
    client.send(new StartJobRunCommand({ JobName: jobName, Arguments: { ...given } })),
  );
  if (JobRunId === undefined)
    throw new TransientError(`Glue started ${jobName} and gave no id; run again`, { fault: 'headgate' });
  return JobRunId;
}

export const failureOf = (jobRunId: string, jobName: string, run: JobRun | undefined) =>
  failureIn(
    run?.ErrorMessage ?? '',
    `job run ${jobRunId} of ${jobName} ended as ${run?.JobRunState ?? 'unknown'}`,
  );

/** https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html: errors that no retry cures. */
const LASTING = ['EntityNotFoundException', 'InvalidInputException', 'AccessDeniedException'];

export async function asked<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof GlueServiceException)) throw cause;
    const message = `Glue answered ${cause.name}`;
    if (LASTING.includes(cause.name))
      throw new TerminalError(`${message}; check the job's name and the role's rights`, {
        fault: 'headgate',
        cause,
      });
    throw new TransientError(`${message}; run again`, { fault: 'headgate', cause });
  }
}

import { randomUUID } from 'node:crypto';
import { type HeadgateError, MatchWaiting, TransientError } from '../../errors.ts';
import { failureOf, type GlueJobName, isUnfinished, runsOf, startRun } from './glue-job-runs.ts';

/**
 * Lets the Glue job of match_records.py compare: one job run a key, which is joined where it is found. Nobody waits for it. Gives its failure: the key is not
 * begun again.
 * @throws MatchWaiting while it works; TerminalError, TransientError where Glue can't be asked: the job may work all the same
 */
export const glueMatch =
  (job: GlueJobName) =>
  async (key: string, address: string): Promise<HeadgateError> => {
    const runs = await runsOf(job, key);
    const unfinished = runs.find(isUnfinished);
    const [last] = runs;
    if (unfinished === undefined && last !== undefined) {
      if (last.JobRunState !== 'SUCCEEDED') return failureOf(last.Id ?? '', job.jobName, last);
      return new TransientError(`job run ${last.Id} of ${job.jobName} succeeded without an answer`, {
        fault: 'headgate',
      });
    }
    const id =
      unfinished?.Id ??
      (await startRun(job, {
        '--run': key,
        '--job': address,
        '--backend': 'spark',
        '--attempt': randomUUID(),
      }));
    throw new MatchWaiting(`job run ${id} of ${job.jobName} compares; match again when it is done`, {
      fault: 'headgate',
      facts: { jobRunId: id },
    });
  };

import { TerminalError } from '../errors.ts';
import { failureIn } from '../plan/spark-failure.ts';
import type { Jobs } from '../ports/jobs.ts';
import { runContext } from './context.ts';
import { loadDocument } from './documents.ts';
import { keep } from './execute.ts';
import type { Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/** Stores what the job needs that the state machine starts next. */
export async function prepare(services: Services, message: RunMessage): Promise<Message> {
  await runContext(services, message);
  const plan = await loadDocument(services.stores.results, message.dataset, message.runId, 'plan');
  return { ...message, job: await jobsOf(services).store(plan) };
}

/** Takes the job's answer, which may be there although the state machine was told of a failure. @throws the failure that the job named */
export async function accept(services: Services, message: RunMessage): Promise<Message> {
  const { job: _done, error, ...left } = message;
  const context = await runContext(services, message);
  const plan = await loadDocument(services.stores.results, message.dataset, message.runId, 'plan');
  const result = await jobsOf(services).answer(plan);
  if (result === undefined)
    throw failureIn(errorTextOf(error?.Cause), `the job of run ${message.runId} ended without an answer`);
  await keep(services, context, plan, result);
  return left;
}

function jobsOf({ jobs }: Services): Jobs {
  if (jobs !== undefined) return jobs;
  throw new TerminalError('this program hands no plans to jobs', { fault: 'headgate' });
}

/** Step Functions gives the job run as JSON for the cause, or a sentence where there was none. */
function errorTextOf(cause = ''): string {
  try {
    return String((JSON.parse(cause) as { readonly ErrorMessage?: unknown }).ErrorMessage ?? '');
  } catch {
    return cause;
  }
}

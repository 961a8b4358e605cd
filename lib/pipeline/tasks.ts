import { claim } from './claim.ts';
import { abandon, announce, fail, hold } from './endings.ts';
import { execute } from './execute.ts';
import { isolate } from './isolate.ts';
import { accept, prepare } from './job.ts';
import type { Message, RunMessage } from './message.ts';
import { planRun } from './plan-run.ts';
import { publish } from './publish.ts';
import type { Services } from './services.ts';
import { verify } from './verify.ts';

/** Task behind each state of pipeline.asl.json that has one. */
export const TASKS = {
  Claim: claim,
  Plan: within(planRun),
  Execute: within(execute),
  Prepare: within(prepare),
  Accept: within(accept),
  Verify: within(verify),
  Publish: within(publish),
  Announce: within(announce),
  Hold: within(hold),
  Isolate: within(isolate),
  Abandon: within(abandon),
  Fail: within(fail),
} as const;

type RunTask = (services: Services, message: RunMessage) => Promise<Message>;

/** Whatever a task answers, the number of rounds goes on with it. */
function within(task: RunTask): (services: Services, message: Message) => Promise<Message> {
  return async (services, message) => {
    const { runId, epoch, rounds } = message;
    if (runId === undefined || epoch === undefined) throw new Error('the state machine lost the run');
    const answer = await task(services, { ...message, runId, epoch });
    return rounds === undefined ? answer : { ...answer, rounds };
  };
}

import { StateMachine } from 'aws-local-stepfunctions';
import type { Message } from '../../pipeline/message.ts';
import definition from '../../pipeline/pipeline.asl.json' with { type: 'json' };
import type { Services } from '../../pipeline/services.ts';
import { TASKS } from '../../pipeline/tasks.ts';

/**
 * One execution of the state machine for a dataset, by an interpreter in this process, until nothing of it is pending.
 * @throws when the execution ends in its Fail state
 */
export async function runStateMachine(services: Services, dataset: string): Promise<void> {
  const machine = new StateMachine(definition as unknown as ConstructorParameters<typeof StateMachine>[0]);
  const handlers = Object.fromEntries(
    Object.entries(TASKS).map(([state, task]) => [
      state,
      (input: unknown) => task(services, input as Message),
    ]),
  );
  const execution = machine.run({ dataset }, { overrides: { taskResourceLocalHandlers: handlers as never } });
  await execution.result;
}

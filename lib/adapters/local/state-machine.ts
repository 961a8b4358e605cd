import { StateMachine } from 'aws-local-stepfunctions';
import type { Message } from '../../pipeline/message.ts';
import definition from '../../pipeline/pipeline.asl.json' with { type: 'json' };
import type { Services } from '../../pipeline/services.ts';
import { TASKS } from '../../pipeline/tasks.ts';
import { asExecution } from './executions.ts';

/**
 * One execution of the state machine for a dataset, by an interpreter in this process, until nothing of it is pending.
 * @throws when the execution ends in its Fail state
 */
export const runStateMachine = (services: Services, dataset: string): Promise<void> =>
  interpret((state) => (input) => TASKS[state as keyof typeof TASKS](services, input as never), dataset);

export type TaskOf = (state: string) => (input: unknown) => Promise<unknown>;

/** Not validated here, which takes longer than a small run: a test does it. */
const machine = new StateMachine(definition as unknown as ConstructorParameters<typeof StateMachine>[0], {
  validationOptions: { noValidate: true },
});

/** The same with other functions behind the states. */
export async function interpret(taskOf: TaskOf, dataset: string): Promise<void> {
  for (let input: Message | undefined = { dataset }; input !== undefined; )
    input = await execution(taskOf, input);
}

/** What the execution that it hands over to is given; undefined where nothing is left. */
function execution(taskOf: TaskOf, input: Message): Promise<Message | undefined> {
  return asExecution(async (id) => {
    let next: Message | undefined;
    const handlers = {
      ...Object.fromEntries(Object.keys(TASKS).map((state) => [state, taskOf(state)])),
      HandOver: async ({ Input }: { readonly Input: Message }) => {
        next = Input;
        return {};
      },
    };
    const options = {
      overrides: { taskResourceLocalHandlers: handlers as never },
      context: { Execution: { Id: id } },
    };
    await machine.run(input as never, options as Parameters<StateMachine['run']>[1]).result;
    return next;
  });
}

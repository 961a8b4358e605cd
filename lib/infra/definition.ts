import type { FunctionSpec } from './permissions.ts';

interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Parameters?: object;
  readonly TimeoutSeconds?: number;
}

export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** A function runs for 15 minutes at most. */
const LONGEST_SECONDS = 900;

/** Seconds that the function behind a state is given. */
export const timeoutOf = ({ States }: Definition, state: string): number =>
  Math.min(States[state]?.TimeoutSeconds ?? LONGEST_SECONDS, LONGEST_SECONDS);

/** What a task asks that no function of ours answers: the parameter that names the deployed resource. */
const NAMED_BY: Readonly<Record<string, keyof Deployment>> = {
  'arn:aws:states:::glue:startJobRun.sync': 'JobName',
  'arn:aws:states:::states:startExecution': 'StateMachineArn',
};

export interface Deployment {
  /** Name of the Glue job. */
  readonly JobName: string;
  /** The alias: what goes on goes on with what is live by then. */
  readonly StateMachineArn: string;
}

/**
 * pipeline.asl.json with the ARNs of deployed functions and the names of what else is deployed in place of the laptop's.
 * @throws Error for a task without a function, or a function whose state is no task
 */
export function deployed(
  definition: Definition,
  functions: readonly FunctionSpec[],
  arnOf: (name: string) => string,
  deployment: Deployment,
): Definition {
  const byState = new Map(
    functions.flatMap(({ name, state }) => (state === undefined ? [] : [[state, name] as const])),
  );
  const tasks = Object.entries(definition.States).filter(([, { Type }]) => Type === 'Task');
  for (const state of byState.keys())
    if (!tasks.some(([name]) => name === state)) throw new Error(`${state} is no task of pipeline.asl.json`);
  const resources = tasks.map(([state, task]) => {
    const parameter = NAMED_BY[task.Resource ?? ''];
    if (parameter !== undefined)
      return [
        state,
        { ...task, Parameters: { ...task.Parameters, [parameter]: deployment[parameter] } },
      ] as const;
    const name = byState.get(state);
    if (name === undefined) throw new Error(`no function is made for the task ${state} of pipeline.asl.json`);
    return [state, { ...task, Resource: arnOf(name) }] as const;
  });
  return { ...definition, States: { ...definition.States, ...Object.fromEntries(resources) } };
}

import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { TerminalError } from '../../errors.ts';
import { jsonOf } from '../../json.ts';
import { CLIENT } from './clients.ts';
import { awsError, isNamed } from './errors.ts';
import { type Settings, settings } from './settings.ts';

/** Where a stage's stacks write down its names, as JSON. */
export const settingsParameter = (stage: string): string => `/headgate/${stage}/settings`;

/** @throws TerminalError where no such stage is deployed in this account and region, or another version of the code deployed it */
export async function settingsOfStage(stage: string): Promise<Settings> {
  const name = settingsParameter(stage);
  const parsed = settings.safeParse(jsonOf(await parameter(stage, name)));
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'value'}: ${message}`);
  throw new TerminalError(
    `the parameter ${name} does not describe a stage: ${wrong.join('; ')}; deploy again`,
    {
      fault: 'headgate',
    },
  );
}

async function parameter(stage: string, name: string): Promise<string> {
  try {
    const { Parameter } = await new SSMClient(CLIENT).send(new GetParameterCommand({ Name: name }));
    return Parameter?.Value ?? '';
  } catch (error) {
    if (!isNamed(error, 'ParameterNotFound')) throw awsError(`look-up of the parameter ${name}`, error);
    throw new TerminalError(
      `there is no stage ${stage} here: the parameter ${name} is missing; check --env, the account and the region, or deploy it`,
      { fault: 'headgate', cause: error, facts: { stage } },
    );
  }
}

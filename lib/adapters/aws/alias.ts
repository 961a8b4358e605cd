import {
  DescribeStateMachineAliasCommand,
  type SFNClient,
  UpdateStateMachineAliasCommand,
} from '@aws-sdk/client-sfn';
import { asking, awsError, isNamed } from './errors.ts';

/** ARN of the version that an alias of a state machine starts; undefined where there is no such alias yet. */
export async function liveVersion(client: SFNClient, aliasArn: string): Promise<string | undefined> {
  try {
    const { routingConfiguration = [] } = await client.send(
      new DescribeStateMachineAliasCommand({ stateMachineAliasArn: aliasArn }),
    );
    return routingConfiguration[0]?.stateMachineVersionArn;
  } catch (error) {
    if (isNamed(error, 'ResourceNotFound')) return undefined;
    throw awsError(`look-up of ${aliasArn}`, error);
  }
}

/** Everything that is started from now on runs this version; what runs goes on as it began. */
export async function makeLive(client: SFNClient, aliasArn: string, versionArn: string): Promise<void> {
  await asking(`move of ${aliasArn} to ${versionArn}`, () =>
    client.send(
      new UpdateStateMachineAliasCommand({
        stateMachineAliasArn: aliasArn,
        routingConfiguration: [{ stateMachineVersionArn: versionArn, weight: 100 }],
      }),
    ),
  );
}

// Prints the version of the state machine that is live in a stage, so that a deploy can go back to it; nothing where the stage is not deployed yet.
// Argument: the stage.
import { SFNClient } from '@aws-sdk/client-sfn';
import { liveVersion } from '../lib/adapters/aws/alias.ts';
import { CLIENT } from '../lib/adapters/aws/clients.ts';
import { settingsOfStage } from '../lib/adapters/aws/stage-settings.ts';
import { TerminalError } from '../lib/errors.ts';

const [, , stage = ''] = process.argv;
const settings = await settingsOfStage(stage).catch((error: unknown) => {
  if (error instanceof TerminalError && error.facts?.stage === stage) return undefined;
  throw error;
});
const version = settings && (await liveVersion(new SFNClient(CLIENT), settings.stateMachineArn));
console.log(version ?? '');

// After a deploy: the stage's settings can be read and its parts answer. Where they do not, the version of the state machine that was live before goes live again.
// Arguments: the stage, and that version's ARN (npm run live); without it nothing can be moved back.
import { execFileSync } from 'node:child_process';
import { SFNClient } from '@aws-sdk/client-sfn';
import { makeLive } from '../lib/adapters/aws/alias.ts';
import { CLIENT } from '../lib/adapters/aws/clients.ts';
import { settingsOfStage } from '../lib/adapters/aws/stage-settings.ts';

const [, , stage = '', before = ''] = process.argv;

try {
  execFileSync(process.execPath, ['bin/headgate.mjs', 'status', '--env', stage], { stdio: 'inherit' });
} catch (error) {
  if (before === '') throw error;
  const { stateMachineArn } = await settingsOfStage(stage);
  await makeLive(new SFNClient(CLIENT), stateMachineArn, before);
  console.error(`the smoke test failed; ${stateMachineArn} is back at ${before}`);
  throw error;
}

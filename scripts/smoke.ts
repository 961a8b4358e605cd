// After a deploy: the stage's settings can be read and its parts answer. Where they do not, the state machine's alias goes back to the version before.
// Argument: the stage.
import { execFileSync } from 'node:child_process';
import { settingsOfStage } from '../lib/adapters/aws/stage-settings.ts';

const [, , stage = ''] = process.argv;
const { stateMachineArn } = await settingsOfStage(stage);
const aws = (...args: readonly string[]): string =>
  execFileSync('aws', [...args, '--output', 'json'], { encoding: 'utf8' });

try {
  execFileSync(process.execPath, ['bin/headgate.mjs', 'status', '--env', stage], { stdio: 'inherit' });
} catch (error) {
  const machine = stateMachineArn.replace(/:[^:]+$/, '');
  const { stateMachineVersions } = JSON.parse(
    aws('stepfunctions', 'list-state-machine-versions', '--state-machine-arn', machine),
  ) as { readonly stateMachineVersions: readonly { readonly stateMachineVersionArn: string }[] };
  // Newest first.
  const before = stateMachineVersions[1]?.stateMachineVersionArn;
  if (before === undefined) throw error;
  const routing = JSON.stringify([{ stateMachineVersionArn: before, weight: 100 }]);
  aws(
    'stepfunctions',
    'update-state-machine-alias',
    '--state-machine-alias-arn',
    stateMachineArn,
    '--routing-configuration',
    routing,
  );
  console.error(`the smoke test failed; ${stateMachineArn} is back at ${before}`);
  throw error;
}

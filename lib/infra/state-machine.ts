import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import {
  CfnStateMachineAlias,
  CfnStateMachineVersion,
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeStars, INLINE, INLINE_REASON } from './acknowledge.ts';
import type { StageConfig } from './config.ts';
import { type Definition, deployed } from './definition.ts';
import { jobName } from './glue-job.ts';
import type { Grants } from './grants.ts';
import { FUNCTIONS } from './permissions.ts';

export const ALIAS = 'live';
export const machineName = ({ stage }: StageConfig): string => `headgate-${stage}`;

export interface PipelineMachineProps {
  readonly config: StageConfig;
  readonly grants: Grants;
  readonly definition: Definition;
  readonly functions: ReadonlyMap<string, IFunction>;
  /** ARN of the alias that everything starts. */
  readonly aliasArn: string;
}

/** The state machine, a version for each of its revisions, and the alias that everything starts: moving it back is the way back. */
export class PipelineMachine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: PipelineMachineProps) {
    super(scope, id);
    const { config, grants, definition, functions, aliasArn } = props;
    const arnOf = (name: string) => {
      const found = functions.get(name);
      if (found === undefined) throw new Error(`the function ${name} is not made`);
      return found.functionArn;
    };
    const log = new LogGroup(this, 'Log', {
      // This prefix keeps the resource policy of CloudWatch Logs within its size, whatever the number of machines.
      logGroupName: `/aws/vendedlogs/states/${machineName(config)}`,
      retention: config.logDays,
      encryptionKey: grants.platformKey,
      removalPolicy: grants.removalPolicy,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    const states = FUNCTIONS.filter(({ state }) => state !== undefined);
    role.addToPolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: states.map(({ name }) => arnOf(name)),
      }),
    );
    // What `.sync` needs, https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
    role.addToPolicy(
      new PolicyStatement({
        actions: ['glue:StartJobRun', 'glue:GetJobRun', 'glue:GetJobRuns', 'glue:BatchStopJobRun'],
        resources: [
          Stack.of(this).formatArn({ service: 'glue', resource: 'job', resourceName: jobName(config) }),
        ],
      }),
    );
    role.addToPolicy(new PolicyStatement({ actions: ['states:StartExecution'], resources: [aliasArn] }));
    acknowledgeStars(role, 'Delivery of logs and X-Ray know no resource for these actions.', ['*']);
    acknowledge(role, INLINE_REASON, INLINE);
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineName: machineName(config),
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(
        Stack.of(this).toJsonString(
          deployed(definition, FUNCTIONS, arnOf, {
            JobName: jobName(config),
            StateMachineArn: aliasArn,
          }),
        ),
      ),
      role,
      tracingEnabled: true,
      // Only references and counts travel through the states, so the log holds no values of rows.
      logs: { destination: log, level: LogLevel.ALL, includeExecutionData: true },
      // It holds nothing that the ledger does not: thrown away, it is made again under its name.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const version = new CfnStateMachineVersion(this, 'Version', {
      stateMachineArn: this.machine.stateMachineArn,
      stateMachineRevisionId: this.machine.stateMachineRevisionId,
    });
    // The one before must be there to go back to.
    version.applyRemovalPolicy(RemovalPolicy.RETAIN);
    new CfnStateMachineAlias(this, 'Alias', {
      name: ALIAS,
      deploymentPreference: { stateMachineVersionArn: version.attrArn, type: 'ALL_AT_ONCE' },
    });
  }
}

import { join } from 'node:path';
import { ArnFormat, IgnoreMode, Stack } from 'aws-cdk-lib';
import { CfnJob, CfnSecurityConfiguration } from 'aws-cdk-lib/aws-glue';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import { acknowledgeStars } from './acknowledge.ts';
import type { StageConfig } from './config.ts';
import type { Grants } from './grants.ts';
import type { FunctionSpec } from './permissions.ts';

export interface SparkJobProps {
  readonly config: StageConfig;
  readonly grants: Grants;
  readonly name: string;
  readonly script: 'run_plan.py' | 'match_records.py';
  readonly actions: FunctionSpec['actions'];
  /** Folder of the scripts and of the package that they import. */
  readonly scripts: string;
  /** Text of the additional modules, `duckdb==1.5.6`. */
  readonly modules: string;
}

export const jobName = ({ stage }: StageConfig): string => `headgate-${stage}-run-plan`;
export const matchJobName = ({ stage }: StageConfig): string => `headgate-${stage}-match`;

/** A Glue job that runs one of our scripts on Spark. Runs wait where the account's capacity is used up, and take only the workers that they need. */
export class SparkJob extends Construct {
  constructor(scope: Construct, id: string, props: SparkJobProps) {
    super(scope, id);
    const { config, grants, name, actions, scripts, modules } = props;
    const script = new Asset(this, 'Script', { path: join(scripts, props.script) });
    // A zip with the folder in it, as Python wants it.
    const sources = new Asset(this, 'Package', {
      path: scripts,
      exclude: ['*', '!headgate_spark', '!headgate_spark/*.py'],
      ignoreMode: IgnoreMode.GIT,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('glue.amazonaws.com') });
    grants.give(role, actions);
    role.addToPolicy(
      new PolicyStatement({
        actions: ['s3:GetObject'],
        resources: [script, sources].map((each) => each.bucket.arnForObjects(each.s3ObjectKey)),
      }),
    );
    const logs = Stack.of(this).formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: '/aws-glue/*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents', 'logs:AssociateKmsKey'],
        resources: [logs],
      }),
    );
    // What --enable-metrics and --enable-observability-metrics ask for, https://repost.aws/knowledge-center/glue-job-metrics-cloudwatch
    role.addToPolicy(
      new PolicyStatement({
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': 'Glue' } },
      }),
    );
    acknowledgeStars(role, 'CloudWatch knows no resource for metrics; the namespace is named.', ['*']);
    acknowledgeStars(role, 'Glue names its log groups itself, with the name of the security configuration.', [
      logs,
    ]);
    const security = new CfnSecurityConfiguration(this, 'Security', {
      name,
      encryptionConfiguration: {
        cloudWatchEncryption: { cloudWatchEncryptionMode: 'SSE-KMS', kmsKeyArn: grants.platformKey.keyArn },
        jobBookmarksEncryption: {
          jobBookmarksEncryptionMode: 'CSE-KMS',
          kmsKeyArn: grants.platformKey.keyArn,
        },
        // Each object is encrypted with the key of its bucket.
        s3Encryptions: [],
      },
    });
    const job = new CfnJob(this, 'Job', {
      name,
      role: role.roleArn,
      glueVersion: '5.1',
      workerType: 'G.1X',
      numberOfWorkers: config.glue.workers,
      timeout: config.glue.timeoutMinutes,
      jobRunQueuingEnabled: true,
      // The state machine decides what is tried again.
      maxRetries: 0,
      // Says so when a run has waited or worked for so long.
      notificationProperty: { notifyDelayAfter: 60 },
      executionProperty: { maxConcurrentRuns: 10 },
      securityConfiguration: name,
      command: { name: 'glueetl', pythonVersion: '3', scriptLocation: script.s3ObjectUrl },
      defaultArguments: {
        '--additional-python-modules': modules,
        '--extra-py-files': sources.s3ObjectUrl,
        '--enable-auto-scaling': 'true',
        '--enable-metrics': 'true',
        '--enable-observability-metrics': 'true',
        '--enable-continuous-cloudwatch-log': 'true',
        '--job-bookmark-option': 'job-bookmark-disable',
      },
    });
    job.addResourceDependency(security);
  }
}

import { RemovalPolicy, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { AttributeType, BillingMode, StreamViewType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { CfnDatabase } from 'aws-cdk-lib/aws-glue';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge, inSecurityPacks } from './acknowledge.ts';
import { type BucketName, Buckets } from './buckets.ts';
import type { StageConfig } from './config.ts';
import { platformKey } from './platform-key.ts';

export interface DataStackProps extends StackProps {
  readonly config: StageConfig;
  /** Names of the Glue databases. */
  readonly databases: readonly string[];
}

/** Everything that holds data. Nothing in it goes away with the stack, unless the stage is ephemeral. */
export class DataStack extends Stack {
  readonly buckets: Buckets['buckets'];
  readonly keys: Readonly<Record<'raw' | 'lake' | 'vault' | 'platform', Key>>;
  readonly ledger: Table;
  readonly workgroup: string;
  readonly piiKey: Secret;
  readonly webhooks: Secret;

  constructor(scope: Construct, id: string, { config, databases, ...props }: DataStackProps) {
    super(scope, id, { terminationProtection: !config.ephemeral, ...props });
    const removalPolicy = config.ephemeral ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
    const named = removalOfNamed(config);
    const platform = platformKey(this, 'PlatformKey', config);
    const buckets = new Buckets(this, 'Buckets', { config, platformKey: platform });
    this.buckets = buckets.buckets;
    this.keys = { ...buckets.keys, platform };

    this.ledger = new Table(this, 'Ledger', {
      partitionKey: { name: 'partition', type: AttributeType.STRING },
      sortKey: { name: 'sort', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: platform,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: 'expires',
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
      deletionProtection: !config.ephemeral,
      removalPolicy,
    });

    for (const name of databases) {
      const database = new CfnDatabase(this, `Database-${name}`, {
        catalogId: this.account,
        databaseInput: {
          name,
          locationUri: this.buckets[bucketOf(name)].s3UrlForObject(name),
        },
      });
      database.applyRemovalPolicy(named);
    }

    this.workgroup = `headgate-${config.stage}`;
    for (const team of [undefined, ...config.athena.teams]) this.addWorkgroup(config, team);

    // 64 hexadecimal digits, made once: Secrets Manager draws from what is left of the alphabet.
    this.piiKey = new Secret(this, 'PiiKey', {
      secretName: `headgate/${config.stage}/pii`,
      description: 'Key of the tokens. If it is lost, tokens of new rows no longer match those of old ones.',
      encryptionKey: platform,
      generateSecretString: {
        passwordLength: 64,
        excludePunctuation: true,
        excludeUppercase: true,
        excludeCharacters: 'ghijklmnopqrstuvwxyz',
        requireEachIncludedType: false,
      },
      removalPolicy: named,
    });
    this.webhooks = new Secret(this, 'Webhooks', {
      secretName: `headgate/${config.stage}/webhooks`,
      description: 'JSON with the addresses slack, teams or both; put in by a person after the first deploy',
      encryptionKey: platform,
      removalPolicy: named,
    });
    this.explain();
  }

  private explain(): void {
    acknowledge(
      this.ledger,
      'Point-in-time recovery goes back to any second of 35 days; a backup plan would add copies by the day.',
      ['NIST.800.53.R5-DynamoDBInBackupPlan', 'HIPAA.Security-DynamoDBInBackupPlan'],
    );
    const rotation = ['AwsSolutions-SMG4', ...inSecurityPacks('SecretsManagerRotationEnabled')];
    acknowledge(
      this.piiKey,
      'Another key makes other tokens: it changes together with the tables in one publication, never by a timer.',
      rotation,
    );
    acknowledge(
      this.webhooks,
      'The addresses are given out by the chat, which has no way to rotate them.',
      rotation,
    );
  }

  private addWorkgroup({ stage, athena, ephemeral }: StageConfig, team: string | undefined): void {
    const workgroup = new CfnWorkGroup(this, team === undefined ? 'Workgroup' : `Workgroup-${team}`, {
      name: team === undefined ? this.workgroup : `${this.workgroup}-${team}`,
      description: 'Results are encrypted; a query that scans too much is stopped',
      recursiveDeleteOption: ephemeral,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: athena.bytesPerQuery,
        engineVersion: { selectedEngineVersion: 'Athena engine version 3' },
        resultConfiguration: {
          outputLocation: this.buckets.results.s3UrlForObject(`athena/${team ?? stage}/`),
          encryptionConfiguration: { encryptionOption: 'SSE_KMS', kmsKey: this.keys.platform.keyArn },
        },
      },
    });
    Tags.of(workgroup).add('team', team ?? 'platform');
  }
}

/** What has a name of its own stays as well, but not when the deploy that makes it fails: it would be in the way of the next one, which makes it again. */
export const removalOfNamed = ({ ephemeral }: StageConfig): RemovalPolicy =>
  ephemeral ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;

/** Where a database's tables lie. */
export const bucketOf = (database: string): BucketName => (database.endsWith('_vault') ? 'vault' : 'lake');

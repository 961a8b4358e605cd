import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AccountPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type CfnBucket,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
  StorageClass,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { MATCH_PREFIX } from '../matching/places.ts';
import { acknowledge, inSecurityPacks } from './acknowledge.ts';
import type { StageConfig } from './config.ts';

export type BucketName = 'landing' | 'raw' | 'lake' | 'vault' | 'results';

/** Versions that are no longer current are kept as long as somebody may notice a mistake; where erasure must be final soon, a week. */
const OLD_VERSIONS = { landing: 30, lake: 30, raw: 7, vault: 7 } as const;
const RESULTS_DAYS = 30;

/** Where bytes lie. Raw, lake and vault have keys of their own, so that who may use a key decides who may read. */
export class Buckets extends Construct {
  readonly buckets: Readonly<Record<BucketName, Bucket>>;
  readonly keys: Readonly<Record<'raw' | 'lake' | 'vault', Key>>;

  constructor(
    scope: Construct,
    id: string,
    { config, platformKey }: { readonly config: StageConfig; readonly platformKey: IKey },
  ) {
    super(scope, id);
    const removalPolicy = config.ephemeral ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
    const key = (name: string) =>
      new Key(this, `${name}-key`, {
        alias: `headgate/${config.stage}/${name.toLowerCase()}`,
        description: `Headgate ${config.stage}: ${name.toLowerCase()} bucket`,
        enableKeyRotation: true,
        removalPolicy,
      });
    this.keys = { raw: key('Raw'), lake: key('Lake'), vault: key('Vault') };
    const logs = new Bucket(this, 'AccessLogs', {
      ...COMMON,
      removalPolicy,
      versioned: false,
      encryption: BucketEncryption.S3_MANAGED,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [ABANDONED_PARTS, { id: 'expire', expiration: Duration.days(config.logDays) }],
    });
    const bucket = (name: string, props: BucketProps) =>
      new Bucket(this, name, {
        ...COMMON,
        removalPolicy,
        serverAccessLogsBucket: logs as IBucket,
        serverAccessLogsPrefix: `${name.toLowerCase()}/`,
        ...props,
        lifecycleRules: [ABANDONED_PARTS, ...(props.lifecycleRules ?? [])],
      });
    const own = (encryptionKey: IKey) => ({
      encryption: BucketEncryption.KMS,
      encryptionKey,
      bucketKeyEnabled: true,
    });
    this.buckets = {
      // S3's own key: sources in other accounts put objects without being allowed to use a key of ours. Emptied within minutes.
      landing: bucket('Landing', {
        encryption: BucketEncryption.S3_MANAGED,
        lifecycleRules: [oldVersions(OLD_VERSIONS.landing)],
      }),
      raw: bucket('Raw', {
        ...own(this.keys.raw),
        lifecycleRules: [
          oldVersions(OLD_VERSIONS.raw),
          {
            id: 'cold',
            // Read in milliseconds, because a replay reads it. Athena's `<domain>_raw` tables lie in the lake.
            transitions: [
              {
                storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL,
                transitionAfter: Duration.days(config.raw.coldAfterDays),
              },
            ],
          },
        ],
      }),
      lake: bucket('Lake', { ...own(this.keys.lake), lifecycleRules: [oldVersions(OLD_VERSIONS.lake)] }),
      vault: bucket('Vault', {
        ...own(this.keys.vault),
        lifecycleRules: [oldVersions(OLD_VERSIONS.vault), LEFT_BY_MATCHING],
      }),
      // Plans and results of runs stay, as a run that died is resumed from them; what can be computed again does not.
      results: bucket('Results', {
        ...own(platformKey),
        versioned: false,
        lifecycleRules: ['athena/', 'spark/'].map((prefix) => ({
          id: `expire-${prefix.slice(0, -1)}`,
          prefix,
          expiration: Duration.days(RESULTS_DAYS),
        })),
      }),
    };
    // The property itself: the construct's own way is a function that sets it after the deploy.
    (this.buckets.landing.node.defaultChild as CfnBucket).notificationConfiguration = {
      eventBridgeConfiguration: { eventBridgeEnabled: true },
    };
    this.explain(logs);
    for (const source of config.landing.sources) this.admit(source);
  }

  private explain(logs: Bucket): void {
    for (const bucket of [logs, ...Object.values(this.buckets)])
      acknowledge(
        bucket,
        'One region. A copy elsewhere of personal data is for its steward to allow; mistakes are undone by versions, snapshots of tables and files that sources send again.',
        inSecurityPacks('S3BucketReplicationEnabled'),
      );
    acknowledge(
      logs,
      'S3 writes each log once and nobody rewrites it.',
      inSecurityPacks('S3BucketVersioningEnabled'),
    );
    acknowledge(
      this.buckets.results,
      'Plans and results are written once under the id of their run; results of queries are asked for again.',
      inSecurityPacks('S3BucketVersioningEnabled'),
    );
    acknowledge(
      logs,
      'S3 delivers access logs to buckets with its own key only.',
      inSecurityPacks('S3DefaultEncryptionKMS'),
    );
    acknowledge(
      this.buckets.landing,
      'Sources in other accounts put objects without being allowed to use a key of ours; files stay for minutes.',
      inSecurityPacks('S3DefaultEncryptionKMS'),
    );
  }

  /** An account that sends files may put them below its prefix, and nothing else: not list, not read back. */
  private admit({ account, prefix }: StageConfig['landing']['sources'][number]): void {
    this.buckets.landing.addToResourcePolicy(
      new PolicyStatement({
        sid: `Source${account}${prefix.replaceAll(/[^a-z0-9]/g, '')}`,
        effect: Effect.ALLOW,
        principals: [new AccountPrincipal(account)],
        actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
        resources: [this.buckets.landing.arnForObjects(`${prefix}*`)],
        // Encrypted with a key of theirs it could not be read here: that is refused to who sends it, rather than found out by intake.
        conditions: {
          StringEqualsIfExists: { 's3:x-amz-server-side-encryption': 'AES256' },
          Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'true' },
        },
      }),
    );
  }
}

const COMMON: BucketProps = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  versioned: true,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
};

/** A comparing takes hours at most and removes what it needed; this is what a process that died has left. */
const LEFT_BY_MATCHING: LifecycleRule = {
  id: 'match',
  prefix: MATCH_PREFIX,
  expiration: Duration.days(1),
  noncurrentVersionExpiration: Duration.days(1),
};

const ABANDONED_PARTS: LifecycleRule = {
  id: 'abandoned-parts',
  abortIncompleteMultipartUploadAfter: Duration.days(7),
};

const oldVersions = (after: number): LifecycleRule => ({
  id: 'old-versions',
  noncurrentVersionExpiration: Duration.days(after),
  expiredObjectDeleteMarker: true,
});

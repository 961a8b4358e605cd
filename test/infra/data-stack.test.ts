import { describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { configOf, DOMAINS, resourcesOf, stacksOf } from '../support/stacks.ts';

const IDS: readonly string[] = [
  'BucketsAccessLogsA5F88218',
  'BucketsLanding6FA248B0',
  'BucketsRaw686CB728',
  'BucketsLake7E5C8A08',
  'BucketsVaultB821171E',
  'BucketsResultsB59121EA',
  'LedgerB7379752',
  'PlatformKey9FD66B6F',
  'BucketsRawkeyD6083A23',
  'BucketsLakekey3A504471',
  'BucketsVaultkeyDB286199',
  'PiiKey5DC31365',
  'WebhooksA50342DA',
  ...DOMAINS.flatMap((domain) =>
    ['', 'quarantine', 'raw', 'vault'].map((room) => `Database${domain}${room}`),
  ),
  'Databaseheadgate',
  ...DOMAINS.map((domain) => `Database${domain}marts`),
];

const { data } = stacksOf(configOf('dev'));
const template = Template.fromStack(data);
const buckets = resourcesOf(template, 'AWS::S3::Bucket');
const bucket = (name: string) => {
  const found = buckets.find(({ id }) => id.startsWith(`Buckets${name}`));
  if (found === undefined) throw new Error(`no bucket ${name}`);
  return found;
};

describe('what holds data', () => {
  test('keeps its logical ids: another id is another bucket, table or key, empty', () => {
    const HOLDERS = [
      'AWS::S3::Bucket',
      'AWS::DynamoDB::Table',
      'AWS::KMS::Key',
      'AWS::SecretsManager::Secret',
      'AWS::Glue::Database',
    ];
    const ids = HOLDERS.flatMap((type) => resourcesOf(template, type).map(({ id }) => id));
    expect(ids).toEqual(IDS);
  });

  test('stays when the stack goes, and the stack is protected', () => {
    expect(data.terminationProtection).toBe(true);
    const gone = resourcesOf(template)
      .filter(({ Type }) => /Bucket$|Table$|Key$|Secret$|Database$/.test(Type))
      .filter(
        ({ DeletionPolicy, UpdateReplacePolicy }) =>
          !DeletionPolicy?.startsWith('Retain') || UpdateReplacePolicy !== 'Retain',
      );
    expect(gone.map(({ id }) => id)).toEqual([]);
  });

  test('goes away with an ephemeral stage', () => {
    const { data: short } = stacksOf({ ...configOf('dev'), ephemeral: true });
    expect(short.terminationProtection).toBe(false);
    expect(
      resourcesOf(Template.fromStack(short), 'AWS::S3::Bucket').map((each) => each.DeletionPolicy),
    ).toEqual(buckets.map(() => 'Delete'));
  });
});

describe('buckets', () => {
  test.each(buckets.map(({ id }) => id))('%s is closed to the public and speaks TLS only', (id) => {
    const found = buckets.find((each) => each.id === id);
    expect(found?.Properties.PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    const policy = resourcesOf(template, 'AWS::S3::BucketPolicy').find(
      ({ Properties }) => (Properties.Bucket as { Ref: string }).Ref === id,
    );
    const { Statement } = (policy?.Properties.PolicyDocument ?? {}) as { Statement?: readonly object[] };
    expect(Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    );
    expect(Statement).toContainEqual(
      expect.objectContaining({ Effect: 'Deny', Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } } }),
    );
  });

  test.each([
    ['Raw', 'BucketsRawkey'],
    ['Lake', 'BucketsLakekey'],
    ['Vault', 'BucketsVaultkey'],
    ['Results', 'PlatformKey'],
  ])('%s is encrypted with its own key', (name, key) => {
    expect(bucket(name).Properties.BucketEncryption).toMatchObject({
      ServerSideEncryptionConfiguration: [
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: {
            SSEAlgorithm: 'aws:kms',
            KMSMasterKeyID: { 'Fn::GetAtt': [expect.stringMatching(`^${key}`), 'Arn'] },
          },
        },
      ],
    });
  });

  test('keys are turned every year', () => {
    const keys = resourcesOf(template, 'AWS::KMS::Key');
    expect(keys).toHaveLength(4);
    expect(keys.every(({ Properties }) => Properties.EnableKeyRotation === true)).toBe(true);
  });

  test('landing, raw, lake and vault keep versions', () => {
    for (const name of ['Landing', 'Raw', 'Lake', 'Vault'])
      expect(bucket(name).Properties.VersioningConfiguration).toEqual({ Status: 'Enabled' });
  });

  test('landing tells EventBridge', () => {
    expect(bucket('Landing').Properties.NotificationConfiguration).toEqual({
      EventBridgeConfiguration: { EventBridgeEnabled: true },
    });
  });

  test('only raw goes cold, and can still be read at once; nothing that Athena queries expires', () => {
    const rulesOf = (name: string) =>
      (bucket(name).Properties.LifecycleConfiguration as { Rules: readonly Record<string, unknown>[] }).Rules;
    expect(rulesOf('Raw').flatMap((rule) => rule.Transitions ?? [])).toEqual([
      { StorageClass: 'GLACIER_IR', TransitionInDays: 30 },
    ]);
    for (const name of ['Landing', 'Lake', 'Vault', 'Results'])
      expect(rulesOf(name).filter((rule) => rule.Transitions !== undefined)).toEqual([]);
    for (const name of ['Landing', 'Raw', 'Lake'])
      expect(rulesOf(name).filter((rule) => rule.ExpirationInDays !== undefined)).toEqual([]);
    // What a matching that died has left, and nothing else.
    expect(rulesOf('Vault').filter((rule) => rule.ExpirationInDays !== undefined)).toMatchObject([
      { Prefix: 'match/', ExpirationInDays: 1 },
    ]);
    for (const { Properties } of buckets)
      expect(JSON.stringify(Properties.LifecycleConfiguration)).toContain(
        '"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7}',
      );
  });

  test('a source account may put below its prefix, and nothing else', () => {
    const sources = [{ account: '123456789012', prefix: 'payments/' }];
    const { data: shared } = stacksOf({ ...configOf('dev'), landing: { sources } });
    const statements = resourcesOf(Template.fromStack(shared), 'AWS::S3::BucketPolicy').flatMap(
      ({ Properties }) =>
        (Properties.PolicyDocument as { Statement: readonly Record<string, unknown>[] }).Statement,
    );
    const foreign = statements.filter(({ Principal }) => JSON.stringify(Principal).includes('123456789012'));
    expect(foreign).toHaveLength(1);
    expect(foreign[0]?.Action).toEqual(['s3:AbortMultipartUpload', 's3:PutObject']);
    expect(JSON.stringify(foreign[0]?.Resource)).toContain('/payments/*');
    // Under no key but the bucket's.
    expect(foreign[0]?.Condition).toEqual({
      StringEqualsIfExists: { 's3:x-amz-server-side-encryption': 'AES256' },
      Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'true' },
    });
  });
});

describe('ledger, queries and secrets', () => {
  test('the ledger can be wound back, is paid by request and encrypted with our key', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
      StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      DeletionProtectionEnabled: true,
      KeySchema: [
        { AttributeName: 'partition', KeyType: 'HASH' },
        { AttributeName: 'sort', KeyType: 'RANGE' },
      ],
    });
  });

  test('a query is stopped at the configured bytes, its results are encrypted, and the bill says which team asked', () => {
    const workgroups = resourcesOf(template, 'AWS::Athena::WorkGroup');
    expect(workgroups.map(({ Properties }) => Properties.Name)).toEqual([
      'headgate-dev',
      'headgate-dev-reporting',
    ]);
    for (const { Properties } of workgroups) {
      expect(Properties.WorkGroupConfiguration).toMatchObject({
        EnforceWorkGroupConfiguration: true,
        BytesScannedCutoffPerQuery: 10_000_000_000,
        ResultConfiguration: { EncryptionConfiguration: { EncryptionOption: 'SSE_KMS' } },
      });
      expect(Properties.Tags).toContainEqual({ Key: 'team', Value: expect.any(String) });
    }
  });

  test('the key of the tokens is 64 hexadecimal digits', () => {
    const key = resourcesOf(template, 'AWS::SecretsManager::Secret').find(
      ({ Properties }) => Properties.Name === 'headgate/dev/pii',
    );
    const { ExcludeCharacters, PasswordLength } = (key?.Properties.GenerateSecretString ?? {}) as Record<
      string,
      unknown
    >;
    const left = [...'abcdefghijklmnopqrstuvwxyz0123456789'].filter(
      (each) => !String(ExcludeCharacters).includes(each),
    );
    expect(left.join('')).toBe('abcdef0123456789');
    expect(PasswordLength).toBe(64);
    expect(key?.Properties.GenerateSecretString).toMatchObject({
      ExcludePunctuation: true,
      ExcludeUppercase: true,
    });
  });
});

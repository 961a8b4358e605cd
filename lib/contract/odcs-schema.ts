import { z } from 'zod';

/**
 * The Open Data Contract Standard v3.1.0, field by field from its JSON schema (draft 2019-09). Keys that the standard does not
 * know are refused everywhere but in `customProperties`, as the standard does.
 */
const text = z.string();
const tags = z.array(text).optional();

export const customProperty = z.strictObject({
  id: text.optional(),
  property: text.describe('Name, in camelCase.'),
  value: z.unknown(),
  description: text.optional(),
});
const customProperties = z.array(customProperty).optional();

const authoritativeDefinitions = z
  .array(z.strictObject({ id: text.optional(), url: text, type: text, description: text.optional() }))
  .optional();

const element = {
  id: text.optional(),
  name: text,
  physicalType: text.optional(),
  physicalName: text.optional(),
  description: text.optional(),
  businessName: text.optional(),
  authoritativeDefinitions,
  tags,
  customProperties,
};

const OPERATORS = [
  'mustBe',
  'mustNotBe',
  'mustBeGreaterThan',
  'mustBeGreaterOrEqualTo',
  'mustBeLessThan',
  'mustBeLessOrEqualTo',
  'mustBeBetween',
  'mustNotBeBetween',
] as const;

const pair = z.tuple([z.number(), z.number()]).optional();

export const METRICS = [
  'nullValues',
  'missingValues',
  'invalidValues',
  'duplicateValues',
  'rowCount',
] as const;

export const quality = z
  .strictObject({
    id: text.optional(),
    name: text.optional(),
    description: text.optional(),
    type: z.enum(['text', 'library', 'sql', 'custom']).default('library'),
    dimension: z
      .enum(['accuracy', 'completeness', 'conformity', 'consistency', 'coverage', 'timeliness', 'uniqueness'])
      .optional(),
    method: text.optional(),
    severity: text.optional(),
    businessImpact: text.optional(),
    unit: z.enum(['rows', 'percent']).optional(),
    schedule: text.optional(),
    scheduler: text.optional(),
    tags,
    authoritativeDefinitions,
    customProperties,
    metric: z.enum(METRICS).optional(),
    rule: text.optional(),
    arguments: z.record(text, z.unknown()).optional(),
    query: text.optional(),
    engine: text.optional(),
    implementation: z.union([text, z.record(text, z.unknown())]).optional(),
    mustBe: z.unknown().optional(),
    mustNotBe: z.unknown().optional(),
    mustBeGreaterThan: z.number().optional(),
    mustBeGreaterOrEqualTo: z.number().optional(),
    mustBeLessThan: z.number().optional(),
    mustBeLessOrEqualTo: z.number().optional(),
    mustBeBetween: pair,
    mustNotBeBetween: pair,
  })
  .superRefine((rule, context) => {
    const complain = (message: string) => context.addIssue({ code: 'custom', message });
    const operators = OPERATORS.filter((operator) => rule[operator] !== undefined);
    const measured = rule.type === 'library' || rule.type === 'sql';
    if (measured && operators.length !== 1)
      complain(`has ${operators.length} operators; exactly one of ${OPERATORS.join(', ')}`);
    if (rule.type === 'library' && rule.metric === undefined && rule.rule === undefined) {
      complain(`metric is missing; allowed: ${METRICS.join(', ')}`);
    }
    if (rule.type === 'sql' && rule.query === undefined) complain('a sql rule needs query');
    if (rule.type === 'custom' && (rule.engine === undefined || rule.implementation === undefined)) {
      complain('a custom rule needs engine and implementation');
    }
  });

const bounded = {
  minimum: z.union([z.number(), text]).optional(),
  maximum: z.union([z.number(), text]).optional(),
  exclusiveMinimum: z.union([z.number(), text]).optional(),
  exclusiveMaximum: z.union([z.number(), text]).optional(),
};
const textBounds = {
  minimum: text.optional(),
  maximum: text.optional(),
  exclusiveMinimum: text.optional(),
  exclusiveMaximum: text.optional(),
};
const numberBounds = {
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
};
const moment = {
  ...textBounds,
  format: text.optional(),
  timezone: z.boolean().optional(),
  defaultTimezone: text.optional(),
};
const count = z.number().int().min(0).optional();

export const INTEGER_FORMATS = [
  'i8',
  'i16',
  'i32',
  'i64',
  'i128',
  'u8',
  'u16',
  'u32',
  'u64',
  'u128',
] as const;

/** Closed set of options by logical type. */
const OPTIONS = {
  string: z.strictObject({
    minLength: count,
    maxLength: count,
    pattern: text.optional(),
    format: z
      .enum(['password', 'byte', 'binary', 'email', 'uuid', 'uri', 'hostname', 'ipv4', 'ipv6'])
      .optional(),
  }),
  date: z.strictObject({ ...textBounds, format: text.optional() }),
  timestamp: z.strictObject(moment),
  time: z.strictObject(moment),
  integer: z.strictObject({
    ...numberBounds,
    multipleOf: z.number().positive().optional(),
    format: z.enum(INTEGER_FORMATS).optional(),
  }),
  number: z.strictObject({
    ...numberBounds,
    multipleOf: z.number().positive().optional(),
    format: z.enum(['f32', 'f64']).optional(),
  }),
  object: z.strictObject({ minProperties: count, maxProperties: count, required: z.array(text).optional() }),
  array: z.strictObject({ minItems: count, maxItems: count, uniqueItems: z.boolean().optional() }),
  boolean: z.strictObject({}),
} as const;

export const LOGICAL_TYPES = Object.keys(OPTIONS) as readonly (keyof typeof OPTIONS)[];

/** Union of all options; which of them a logical type takes is checked beside it. */
const anyOptions = z.object({
  ...bounded,
  minLength: count,
  maxLength: count,
  pattern: text.optional(),
  format: text.optional(),
  timezone: z.boolean().optional(),
  defaultTimezone: text.optional(),
  multipleOf: z.number().optional(),
});

const relationship = z.strictObject({
  type: text.optional(),
  from: z.union([text, z.array(text)]).optional(),
  to: z.union([text, z.array(text)]).optional(),
  customProperties,
});

const propertyBase = z.strictObject({
  ...element,
  primaryKey: z.boolean().default(false),
  primaryKeyPosition: z.number().int().default(-1),
  logicalType: z
    .enum(['string', 'date', 'timestamp', 'time', 'number', 'integer', 'object', 'array', 'boolean'])
    .optional(),
  logicalTypeOptions: z.record(text, z.unknown()).optional(),
  required: z.boolean().default(false),
  unique: z.boolean().default(false),
  partitioned: z.boolean().default(false),
  partitionKeyPosition: z.number().int().default(-1),
  classification: text.optional(),
  encryptedName: text.optional(),
  transformSourceObjects: z.array(text).optional(),
  transformLogic: text.optional(),
  transformDescription: text.optional(),
  examples: z.array(z.unknown()).optional(),
  criticalDataElement: z.boolean().default(false),
  relationships: z
    .array(relationship.refine((each) => each.to !== undefined, 'a relationship of a property needs to'))
    .optional(),
  quality: z.array(quality).optional(),
  get properties() {
    return z.array(property).optional();
  },
  get items() {
    return z.record(text, z.unknown()).optional();
  },
});

export const property: z.ZodType<Property> = propertyBase.superRefine((each, context) => {
  if (each.logicalTypeOptions === undefined) return;
  if (each.logicalType === undefined) {
    context.addIssue({
      code: 'custom',
      message: 'logicalTypeOptions needs logicalType',
      path: ['logicalTypeOptions'],
    });
    return;
  }
  const checked = OPTIONS[each.logicalType].safeParse(each.logicalTypeOptions);
  for (const issue of checked.error?.issues ?? []) {
    context.addIssue({ ...issue, path: ['logicalTypeOptions', ...issue.path] } as Parameters<
      typeof context.addIssue
    >[0]);
  }
}) as unknown as z.ZodType<Property>;

export const optionsOf = (each: Property): TypeOptions => anyOptions.parse(each.logicalTypeOptions ?? {});
export type TypeOptions = z.infer<typeof anyOptions>;

export const schemaObject = z.strictObject({
  ...element,
  logicalType: z.literal('object').optional(),
  dataGranularityDescription: text.optional(),
  properties: z.array(property).optional(),
  relationships: z
    .array(
      relationship.refine(
        (each) => each.from !== undefined && each.to !== undefined,
        'a relationship of an object needs from and to',
      ),
    )
    .optional(),
  quality: z.array(quality).optional(),
});

const member = z.strictObject({
  id: text.optional(),
  username: text,
  name: text.optional(),
  description: text.optional(),
  role: text.optional(),
  dateIn: text.optional(),
  dateOut: text.optional(),
  replacedByUsername: text.optional(),
  tags,
  customProperties,
  authoritativeDefinitions,
});

const team = z.union([
  z.array(member),
  z.strictObject({
    id: text.optional(),
    name: text.optional(),
    description: text.optional(),
    members: z.array(member).optional(),
    tags,
    customProperties,
    authoritativeDefinitions,
  }),
]);

const role = z.strictObject({
  id: text.optional(),
  role: text,
  description: text.optional(),
  access: text.optional(),
  firstLevelApprovers: text.optional(),
  secondLevelApprovers: text.optional(),
  customProperties,
});

const channel = z.strictObject({
  id: text.optional(),
  channel: text,
  url: text.optional(),
  description: text.optional(),
  tool: text.optional(),
  scope: z.enum(['interactive', 'announcements', 'issues', 'notifications']).optional(),
  invitationUrl: text.optional(),
  customProperties,
});

const SERVER_TYPES = [
  'api', 'athena', 'azure', 'bigquery', 'clickhouse', 'databricks', 'denodo', 'dremio', 'duckdb', 'glue', 'cloudsql', 'db2', 'hive', 'impala', 'informix',
  'kafka', 'kinesis', 'local', 'mysql', 'oracle', 'postgresql', 'postgres', 'presto', 'pubsub', 'redshift', 's3', 'sftp', 'snowflake', 'sqlserver', 'synapse', 'trino',
  'vertica', 'zen', 'custom',
] as const; // biome-ignore format: a list to look things up in

const NEEDED: Readonly<Record<string, readonly string[]>> = {
  s3: ['location'],
  glue: ['account', 'database'],
  athena: ['stagingDir', 'schema'],
  kafka: ['host'],
  api: ['location'],
  sftp: ['location'],
  local: ['path', 'format'],
};

const server = z
  .looseObject({
    id: text.optional(),
    server: text,
    type: z.enum(SERVER_TYPES),
    description: text.optional(),
    environment: text.optional(),
    roles: z.array(role).optional(),
    customProperties,
  })
  .superRefine((each, context) => {
    for (const key of NEEDED[each.type] ?? []) {
      if (each[key] === undefined)
        context.addIssue({ code: 'custom', message: `a server of type ${each.type} needs ${key}` });
    }
  });

export const serviceLevel = z.strictObject({
  id: text.optional(),
  property: text,
  value: z.union([text, z.number(), z.boolean(), z.null()]),
  valueExt: z.union([text, z.number(), z.boolean(), z.null()]).optional(),
  unit: text.optional(),
  element: text.optional(),
  driver: text.optional(),
  description: text.optional(),
  scheduler: text.optional(),
  schedule: text.optional(),
});

export const contractDocument = z.strictObject({
  version: text,
  kind: z.literal('DataContract'),
  apiVersion: z.enum(['v3.1.0', 'v3.0.2', 'v3.0.1', 'v3.0.0', 'v2.2.2', 'v2.2.1', 'v2.2.0']),
  id: text,
  name: text.optional(),
  tenant: text.optional(),
  tags,
  status: text,
  servers: z.array(server).optional(),
  dataProduct: text.optional(),
  description: z
    .strictObject({
      usage: text.optional(),
      purpose: text.optional(),
      limitations: text.optional(),
      authoritativeDefinitions,
      customProperties,
    })
    .optional(),
  domain: text.optional(),
  schema: z.array(schemaObject).optional(),
  support: z.array(channel).optional(),
  price: z
    .strictObject({
      id: text.optional(),
      priceAmount: z.number().optional(),
      priceCurrency: text.optional(),
      priceUnit: text.optional(),
    })
    .optional(),
  team: team.optional(),
  roles: z.array(role).optional(),
  slaDefaultElement: text.optional(),
  slaProperties: z.array(serviceLevel).optional(),
  authoritativeDefinitions,
  customProperties,
  contractCreatedTs: text.optional(),
});

export type ContractDocument = z.infer<typeof contractDocument>;
export type SchemaObject = z.infer<typeof schemaObject>;
export type Quality = z.infer<typeof quality>;
export type CustomProperty = z.infer<typeof customProperty>;
export interface Property extends Omit<z.infer<typeof propertyBase>, 'properties' | 'items'> {
  readonly properties?: readonly Property[] | undefined;
  readonly items?: Readonly<Record<string, unknown>> | undefined;
}

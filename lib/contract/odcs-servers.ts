import { z } from 'zod';
import { customProperties, role, stableId, text } from './odcs-elements.ts';

/** Fields of each type of server by the standard; `*`: required. `port` is an integer, all others are texts. */
const FIELDS = {
  api: 'location*',
  athena: 'stagingDir* schema* catalog regionName',
  azure: 'location* format* delimiter',
  bigquery: 'project* dataset*',
  clickhouse: 'host* port* database*',
  databricks: 'catalog* schema* host',
  denodo: 'host* port* database',
  dremio: 'host* port* schema',
  duckdb: 'database* schema',
  glue: 'account* database* location format',
  cloudsql: 'host* port* database* schema*',
  db2: 'host* port* database* schema',
  hive: 'host* database* port',
  impala: 'host* database* port',
  informix: 'host* database* port',
  kafka: 'host* format',
  kinesis: 'region format',
  local: 'path* format*',
  mysql: 'host* port* database*',
  oracle: 'host* port* serviceName*',
  postgresql: 'host* port* database* schema*',
  postgres: 'host* port* database* schema*',
  presto: 'host* catalog schema',
  pubsub: 'project*',
  redshift: 'database* schema* host region account',
  s3: 'location* endpointUrl format delimiter',
  sftp: 'location* format delimiter',
  snowflake: 'account* database* schema* host port warehouse',
  sqlserver: 'host* database* schema* port',
  synapse: 'host* port* database*',
  trino: 'host* port* catalog* schema*',
  vertica: 'host* port* database* schema*',
  zen: 'host* database* port',
  custom:
    'account catalog database dataset delimiter endpointUrl format host location path port project region regionName schema serviceName stagingDir warehouse stream',
} as const;

type ServerType = keyof typeof FIELDS;

const base = {
  id: stableId.optional(),
  server: text,
  description: text.optional(),
  environment: text.optional(),
  roles: z.array(role).optional(),
  customProperties,
};

const shapeOf = (type: ServerType): z.ZodRawShape => {
  const fields = FIELDS[type].split(' ').map((field): [string, z.ZodType] => {
    const name = field.replace('*', '');
    const value = name === 'port' ? z.number().int() : text;
    return [name, field.endsWith('*') ? value : value.optional()];
  });
  return { ...base, type: z.literal(type), ...Object.fromEntries(fields) };
};

const SERVERS = Object.fromEntries(
  Object.keys(FIELDS).map((type) => [type, z.strictObject(shapeOf(type as ServerType))]),
);

/** A server of one of the standard's 34 types, with the fields of its type and no others. */
export const server = z
  .looseObject({ server: text, type: z.enum(Object.keys(FIELDS) as [ServerType, ...ServerType[]]) })
  .superRefine((each, context) => {
    for (const issue of SERVERS[each.type]?.safeParse(each).error?.issues ?? []) {
      context.addIssue(issue as Parameters<typeof context.addIssue>[0]);
    }
    if (each.type === 'sftp' && !String(each.location).startsWith('sftp://')) {
      context.addIssue({
        code: 'custom',
        message: 'the location of an sftp server starts with sftp://',
        path: ['location'],
      });
    }
  });

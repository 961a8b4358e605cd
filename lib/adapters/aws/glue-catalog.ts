import {
  CreateDatabaseCommand,
  CreateTableCommand,
  GetTableCommand,
  type GlueClient,
  paginateGetTables,
  type Table,
  type TableInput,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import type { Catalog, TableName } from '../../ports/catalog.ts';
import { asking, awsError, isNamed } from './errors.ts';

export interface GlueCatalogOptions {
  readonly client: GlueClient;
  /** Databases that are ours: others of the account are not looked at. */
  readonly databases: readonly string[];
}

/** As Iceberg's own GlueCatalog does it: parameters `table_type` and `metadata_location`, swapped by UpdateTable with `VersionId`. */
export function glueCatalog({ client, databases }: GlueCatalogOptions): Catalog {
  const tableOf = async ({ database, name }: TableName): Promise<Table | undefined> => {
    try {
      const answer = await client.send(new GetTableCommand({ DatabaseName: database, Name: name }));
      return answer.Table;
    } catch (error) {
      if (isNamed(error, 'EntityNotFoundException')) return undefined;
      throw awsError(`look-up of ${database}.${name} in Glue`, error);
    }
  };
  return {
    async load(table) {
      const found = await tableOf(table);
      const location = found?.Parameters?.metadata_location;
      return location === undefined
        ? undefined
        : { metadataLocation: location, version: found?.VersionId ?? '' };
    },
    async create({ database, name }, metadataLocation) {
      const input = icebergTable(name, metadataLocation);
      const make = () =>
        asking(`making of ${database}.${name} in Glue`, () =>
          client.send(new CreateTableCommand({ DatabaseName: database, TableInput: input })),
        );
      return createdUnless('AlreadyExistsException', async () => {
        try {
          await make();
        } catch (error) {
          if (!isNamed((error as Error).cause, 'EntityNotFoundException')) throw error;
          await createdUnless('AlreadyExistsException', () =>
            asking(`making of the Glue database ${database}`, () =>
              client.send(new CreateDatabaseCommand({ DatabaseInput: { Name: database } })),
            ),
          );
          await make();
        }
      });
    },
    async swap(table, expected, metadataLocation) {
      const current = await tableOf(table);
      if (current?.VersionId !== expected.version) return 'conflict';
      if (current.Parameters?.metadata_location !== expected.metadataLocation) return 'conflict';
      const { database, name } = table;
      try {
        await client.send(
          new UpdateTableCommand({
            DatabaseName: database,
            TableInput: movedTo(current, metadataLocation),
            VersionId: expected.version,
            SkipArchive: true,
          }),
        );
        return 'swapped';
      } catch (error) {
        if (isNamed(error, 'ConcurrentModificationException', 'EntityNotFoundException')) return 'conflict';
        throw awsError(`swap of ${database}.${name} in Glue`, error);
      }
    },
    async list() {
      const tables: TableName[] = [];
      for (const database of databases) tables.push(...(await icebergTables(client, database)));
      return tables;
    },
  };
}

async function createdUnless(name: string, make: () => Promise<unknown>): Promise<'created' | 'exists'> {
  try {
    await make();
    return 'created';
  } catch (error) {
    if (isNamed((error as Error).cause, name)) return 'exists';
    throw error;
  }
}

const icebergTable = (name: string, metadataLocation: string): TableInput => ({
  Name: name,
  TableType: 'EXTERNAL_TABLE',
  Parameters: { table_type: 'ICEBERG', metadata_location: metadataLocation },
  StorageDescriptor: { Location: metadataLocation.replace(/\/metadata\/[^/]*$/, ''), Columns: [] },
});

/** Everything else of the table stays as others have set it: columns, owner, parameters. */
const movedTo = (table: Table, metadataLocation: string): TableInput => ({
  ...tableInput(table),
  Parameters: {
    ...table.Parameters,
    previous_metadata_location: table.Parameters?.metadata_location ?? '',
    metadata_location: metadataLocation,
  },
});

/** What UpdateTable takes of what GetTable answers. */
export function tableInput(table: Table): TableInput {
  const { Name, Description, Owner, Retention, StorageDescriptor, PartitionKeys, TableType, Parameters } =
    table;
  return {
    Name: Name ?? '',
    ...(Description === undefined ? {} : { Description }),
    ...(Owner === undefined ? {} : { Owner }),
    ...(Retention === undefined ? {} : { Retention }),
    ...(StorageDescriptor === undefined ? {} : { StorageDescriptor }),
    ...(PartitionKeys === undefined ? {} : { PartitionKeys }),
    ...(TableType === undefined ? {} : { TableType }),
    ...(Parameters === undefined ? {} : { Parameters }),
  };
}

async function icebergTables(client: GlueClient, database: string): Promise<readonly TableName[]> {
  const names: TableName[] = [];
  try {
    for await (const { TableList = [] } of paginateGetTables({ client }, { DatabaseName: database })) {
      for (const { Name, Parameters } of TableList)
        if (Name !== undefined && Parameters?.table_type?.toUpperCase() === 'ICEBERG')
          names.push({ database, name: Name });
    }
  } catch (error) {
    if (isNamed(error, 'EntityNotFoundException')) return [];
    throw awsError(`list of ${database} in Glue`, error);
  }
  return names.sort((a, b) => (a.name < b.name ? -1 : 1));
}

import type { Catalog, TableName } from '../../ports/catalog.ts';
import { openSqlite } from './sqlite.ts';

const CATALOG = 'headgate';

/**
 * The tables of Iceberg's JDBC catalog, so that PyIceberg, Spark and Trino open the same file. The pointer's version is the
 * metadata location itself: it never comes back.
 */
export function sqliteCatalog(file: string): Catalog {
  const database = openSqlite(
    file,
    `
    CREATE TABLE IF NOT EXISTS iceberg_tables (
      catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
      metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
      PRIMARY KEY (catalog_name, table_namespace, table_name));
    CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
      catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL,
      PRIMARY KEY (catalog_name, namespace, property_key))`,
  );
  const where = 'catalog_name = ? AND table_namespace = ? AND table_name = ?';
  const select = database.prepare(`SELECT metadata_location FROM iceberg_tables WHERE ${where}`);
  const insert = database.prepare(
    "INSERT INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE') ON CONFLICT DO NOTHING",
  );
  const namespace = database.prepare(
    "INSERT INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING",
  );
  const update = database.prepare(
    `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = metadata_location WHERE ${where} AND metadata_location = ?`,
  );
  const all = database.prepare(
    'SELECT table_namespace, table_name FROM iceberg_tables WHERE catalog_name = ? ORDER BY 1, 2',
  );
  const key = ({ database: space, name }: TableName) => [CATALOG, space, name] as const;
  return {
    async load(table) {
      const row = select.get(...key(table));
      const location = row?.metadata_location;
      return typeof location === 'string' ? { metadataLocation: location, version: location } : undefined;
    },
    async create(table, location) {
      namespace.run(CATALOG, table.database);
      return insert.run(...key(table), location).changes === 1 ? 'created' : 'exists';
    },
    async swap(table, expected, location) {
      return update.run(location, ...key(table), expected.metadataLocation).changes === 1
        ? 'swapped'
        : 'conflict';
    },
    async list() {
      return all
        .all(CATALOG)
        .map((row) => ({ database: String(row.table_namespace), name: String(row.table_name) }));
    },
  };
}

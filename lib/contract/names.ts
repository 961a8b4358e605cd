import type { Path, Problem } from './problems.ts';

/** Names of databases, tables and columns: Glue folds them to lower case and takes 255 signs; 200 leave room for suffixes such as `_quarantine`. */
export const NAME = /^[a-z][a-z0-9_]{0,199}$/;

export const ALLOWED_NAMES = 'up to 200 small letters, digits, _';

/** What is wrong with the name of a schema object's table (at `path`) and that of its database. */
export const tableNameProblems = (domain: string, name: string, path: Path): readonly Problem[] => [
  ...nameProblems(name, 'table', [...path, 'name']),
  ...nameProblems(domain, 'database', ['domain']),
];

const nameProblems = (name: string, what: string, path: Path): readonly Problem[] =>
  NAME.test(name)
    ? []
    : [{ path, message: `${JSON.stringify(name)} is no ${what} name; allowed: ${ALLOWED_NAMES}` }];

import { existsSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';

/**
 * The disk below the local adapters. Every call that may need room is counted, and once it is full each of them answers as Linux and SQLite do
 * until it is freed. What DuckDB itself writes is not among them: test/pipeline/full-disk.test.ts limits that by the operating system.
 */
export interface Disk {
  /** Names of the calls since `start`. */
  readonly calls: readonly string[];
  /** Begins to count; `fullAt` is the number of the first call that finds no room. */
  start(fullAt?: number): void;
  free(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: methods of Node's own modules, passed on as they are
type Method = (...args: any[]) => any;

export function watchedDisk(): Disk {
  let calls: string[] = [];
  let fullAt = Number.POSITIVE_INFINITY;
  const isFull = (name: string): boolean => calls.push(name) >= fullAt;
  const noRoom = (name: string) =>
    Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: 'ENOSPC', errno: -28 });
  const noPages = () =>
    Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
  const guard = (owner: object, name: string, needsRoom: (args: readonly unknown[]) => boolean): void => {
    const methods = owner as Record<string, Method>;
    const original = methods[name] as Method;
    methods[name] = async function (this: unknown, ...args: unknown[]) {
      if (needsRoom(args) && isFull(name)) throw noRoom(name);
      return original.apply(this, args);
    };
  };
  const always = () => true;
  const { open } = files;
  files.open = async (...args) => {
    if (args[1] === undefined || args[1] === 'r') return open(...args);
    if (isFull('open')) throw noRoom('open');
    const file = await open(...args);
    guard(file, 'write', always);
    guard(file, 'datasync', always);
    return file;
  };
  guard(files, 'mkdir', ([path]) => !existsSync(String(path)));
  for (const name of ['link', 'rename', 'writeFile']) guard(files, name, always);
  syncBuiltinESMExports();

  for (const [prototype, name, needsRoom] of [
    [StatementSync.prototype, 'run', always],
    [DatabaseSync.prototype, 'exec', ([sql]: readonly unknown[]) => sql === 'COMMIT'],
  ] as const) {
    const methods = prototype as unknown as Record<string, Method>;
    const original = methods[name] as Method;
    methods[name] = function (this: unknown, ...args: unknown[]) {
      if (needsRoom(args) && isFull(`sqlite ${name}`)) throw noPages();
      return original.apply(this, args);
    };
  }
  return {
    get calls() {
      return calls;
    },
    start(at = Number.POSITIVE_INFINITY) {
      calls = [];
      fullAt = at;
    },
    free() {
      fullAt = Number.POSITIVE_INFINITY;
    },
  };
}

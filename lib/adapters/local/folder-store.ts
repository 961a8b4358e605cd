import { randomUUID } from 'node:crypto';
import { createReadStream, type Dirent } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConflictError, TerminalError } from '../../errors.ts';
import type { ObjectInfo, ObjectStore, WriteCondition } from '../../ports/object-store.ts';
import { diskError } from './disk-error.ts';

/** Half-written objects; never listed. */
const UNFINISHED = '.unfinished';
const CHUNK = 1024 * 1024;

export interface FolderOptions {
  /**
   * Other programs write here and may set modification times back (`rsync -t`, unzip): then the etag has the time of the last
   * change of status too, which no program can set. Not for our own folders: there a `chmod` or a hard link changes no object.
   * @default false
   */
  readonly shared?: boolean;
}

/** A folder as an object store. An object appears whole, by a link or a rename; links and folders are no objects. */
export function folderStore(root: string, { shared = false }: FolderOptions = {}): ObjectStore {
  const pathOf = (key: string) => join(root, checkedKey(key));
  const infoOf = (key: string, facts: Facts): ObjectInfo => ({
    key,
    bytes: Number(facts.size),
    etag: shared ? `${contentEtag(facts)}-${facts.ctimeNs}` : contentEtag(facts),
    modified: facts.mtime,
  });
  const stat = async (key: string): Promise<ObjectInfo | undefined> => {
    const found = await lstat(pathOf(key), { bigint: true }).catch(absent);
    return found?.isFile() ? infoOf(key, found) : undefined;
  };
  return {
    root,
    stat,
    async *read(key, { etag, start = 0, end } = {}) {
      const file = await open(pathOf(key)).catch(absent);
      if (file === undefined)
        throw new TerminalError(`there is no object ${key} in ${root}`, { fault: 'source', facts: { key } });
      try {
        const found = infoOf(key, await file.stat({ bigint: true }));
        if (etag !== undefined && found.etag !== etag) throw changed(key);
        if (end === undefined || end > start) {
          yield* createReadStream('', {
            fd: file,
            autoClose: false,
            start,
            ...(end === undefined ? {} : { end: end - 1 }),
            highWaterMark: Math.min(CHUNK, Math.max(found.bytes, 1)),
          });
        }
        // Written in place while it was read: the bytes given out may be of two versions.
        if (etag !== undefined && infoOf(key, await file.stat({ bigint: true })).etag !== etag)
          throw changed(key);
      } finally {
        await file.close();
      }
    },
    async write(key, body, condition) {
      const path = pathOf(key);
      const unfinished = join(root, UNFINISHED, randomUUID());
      try {
        await writeWhole(unfinished, body);
        await inFolder(path, () => publish(unfinished, path, { key, condition, stat }));
      } catch (error) {
        throw diskError(error, key);
      } finally {
        await rm(unfinished, { force: true });
      }
      const written = await stat(key);
      if (written === undefined)
        throw new ConflictError(`object ${key} was removed while it was written`, { fault: 'headgate' });
      return written;
    },
    async *list(prefix) {
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      for await (const key of keysBelow(root, folder)) {
        const info = key.startsWith(prefix) ? await stat(key) : undefined;
        if (info !== undefined) yield info;
      }
    },
    async remove(key, etag) {
      if (etag === undefined) return rm(pathOf(key), { force: true });
      const found = await stat(key);
      if (found !== undefined && found.etag !== etag) throw changed(key);
      if (found !== undefined) await removeVersion(root, pathOf(key), { key, etag });
    },
  };
}

/** A name can be given to another file between a look and the removal: so it is moved aside first, and put back when it is another one. */
async function removeVersion(
  root: string,
  path: string,
  { key, etag }: Pick<ObjectInfo, 'key' | 'etag'>,
): Promise<void> {
  const aside = join(root, UNFINISHED, randomUUID());
  await mkdir(dirname(aside), { recursive: true });
  const moved = await rename(path, aside).then(() => lstat(aside, { bigint: true }), absent);
  if (moved === undefined) return;
  // The move itself is a change of status: of a shared folder's etag only the part about the content can still be compared.
  const same = moved.isFile() && `${etag}-`.startsWith(`${contentEtag(moved)}-`);
  // Where a third version has the name by now, its source has replaced the one that was moved.
  if (!same) await link(aside, path).catch(unlessTaken);
  await rm(aside, { force: true });
  if (!same) throw changed(key);
}

const unlessTaken = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EEXIST') throw error;
};

const changed = (key: string): ConflictError =>
  new ConflictError(`object ${key} has changed since it was looked at`, { fault: 'source', facts: { key } });

export interface Stranger {
  /** Path below the folder; signs that are not UTF-8 are replaced. */
  readonly name: string;
  readonly why: string;
}

/** What lies in a folder and can't be an object: nobody would hear of it otherwise. Names that start with a dot are left out. */
export async function* strangersIn(root: string): AsyncIterable<Stranger> {
  for await (const { path, entry } of entriesBelow(root, Buffer.from('.'))) {
    const name = path.toString();
    if (!Buffer.from(name).equals(path)) yield { name, why: 'its name is not UTF-8; rename it' };
    else if (!entry.isFile()) yield { name, why: `it is ${kindOf(entry)}; put the file itself there` };
  }
}

const kindOf = (entry: Dirent<Buffer>): string =>
  entry.isSymbolicLink() ? 'a link, which is not followed' : 'neither a file nor a folder';

async function* entriesBelow(
  root: string,
  folder: Buffer,
): AsyncIterable<{ readonly path: Buffer; readonly entry: Dirent<Buffer> }> {
  const at = Buffer.concat([Buffer.from(`${root}/`), folder]);
  const entries = (await readdir(at, { withFileTypes: true, encoding: 'buffer' }).catch(absent)) ?? [];
  for (const entry of entries.filter(({ name }) => name[0] !== DOT)) {
    const path =
      folder.toString() === '.' ? entry.name : Buffer.concat([folder, Buffer.from('/'), entry.name]);
    if (entry.isDirectory()) yield* entriesBelow(root, path);
    else yield { path, entry };
  }
}

const [DOT] = Buffer.from('.');

function checkedKey(key: string): string {
  const bad = key
    .split('/')
    .some((part) => part === '' || part === '.' || part === '..' || part === UNFINISHED);
  if (!bad && !key.includes('\0')) return key;
  throw new TerminalError(`${JSON.stringify(key)} is no key of an object: parts must not be empty, . or ..`, {
    fault: 'source',
  });
}

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
};

interface Facts {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mtime: Date;
}

const contentEtag = ({ ino, size, mtimeNs }: Facts): string => `${ino}-${size}-${mtimeNs}`;

async function writeWhole(path: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const file = await inFolder(path, () => open(path, 'wx', 0o600));
  try {
    if (body instanceof Uint8Array) await writeAll(file, body);
    else for await (const chunk of body) await writeAll(file, chunk);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes the folder of a path only where it is missing: of many objects few are the first in theirs. */
async function inFolder<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true });
    return work();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    from += (await file.write(bytes, from)).bytesWritten;
  }
}

interface Publication {
  readonly key: string;
  readonly condition: WriteCondition | undefined;
  readonly stat: (key: string) => Promise<ObjectInfo | undefined>;
}

async function publish(
  unfinished: string,
  path: string,
  { key, condition, stat }: Publication,
): Promise<void> {
  if (condition === undefined) return rename(unfinished, path);
  if (condition.kind === 'absent') {
    return link(unfinished, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new ConflictError(`object ${key} exists already`, {
        fault: 'headgate',
        cause: error,
        facts: { key },
      });
    });
  }
  if ((await stat(key))?.etag !== condition.etag) {
    throw new ConflictError(`object ${key} is not at version ${condition.etag}`, {
      fault: 'headgate',
      facts: { key },
    });
  }
  return rename(unfinished, path);
}

/** Keys in order. Names are compared as keys are: a folder as its name with the slash. */
async function* keysBelow(root: string, folder: string): AsyncIterable<string> {
  const entries = (await readdir(join(root, folder), { withFileTypes: true }).catch(absent)) ?? [];
  const named = entries
    .filter((entry) => entry.isFile() || (entry.isDirectory() && entry.name !== UNFINISHED))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort();
  for (const name of named) {
    if (name.endsWith('/')) yield* keysBelow(root, `${folder}${name}`);
    else yield `${folder}${name}`;
  }
}

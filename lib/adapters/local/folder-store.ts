import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConflictError, TerminalError, TransientError } from '../../errors.ts';
import type { ObjectInfo, ObjectStore, WriteCondition } from '../../ports/object-store.ts';

/** Half-written objects; never listed. */
const UNFINISHED = '.unfinished';
const CHUNK = 1024 * 1024;

/** A folder as an object store. An object appears whole, by a link or a rename; links and folders are no objects. */
export function folderStore(root: string): ObjectStore {
  const pathOf = (key: string) => join(root, checkedKey(key));
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
        if (etag !== undefined && found.etag !== etag) {
          throw new ConflictError(`object ${key} has changed since it was looked at`, {
            fault: 'source',
            facts: { key },
          });
        }
        if (end === undefined || end > start) {
          yield* createReadStream('', {
            fd: file,
            autoClose: false,
            start,
            ...(end === undefined ? {} : { end: end - 1 }),
            highWaterMark: Math.min(CHUNK, Math.max(found.bytes, 1)),
          });
        }
      } finally {
        await file.close();
      }
    },
    async write(key, body, condition) {
      const path = pathOf(key);
      const unfinished = join(root, UNFINISHED, randomUUID());
      await mkdir(dirname(unfinished), { recursive: true });
      await mkdir(dirname(path), { recursive: true });
      try {
        await writeWhole(unfinished, body);
        await publish(unfinished, path, { key, condition, stat });
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
    async remove(key) {
      await rm(pathOf(key), { force: true });
    },
  };
}

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
  readonly mtime: Date;
}

const infoOf = (key: string, { ino, size, mtimeNs, mtime }: Facts): ObjectInfo => ({
  key,
  bytes: Number(size),
  etag: `${ino}-${size}-${mtimeNs}`,
  modified: mtime,
});

async function writeWhole(path: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    if (body instanceof Uint8Array) await writeAll(file, body);
    else for await (const chunk of body) await writeAll(file, chunk);
    await file.datasync();
  } finally {
    await file.close();
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

function diskError(error: unknown, key: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOSPC' && code !== 'EMFILE' && code !== 'EDQUOT') return error;
  return new TransientError(`${key} could not be written: ${code}; free the disk and run again`, {
    fault: 'headgate',
    cause: error,
  });
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

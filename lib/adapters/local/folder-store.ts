import { randomUUID } from 'node:crypto';
import { createReadStream, type Dirent } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError, TerminalError } from '../../errors.ts';
import type { ObjectInfo, ObjectStore, WriteCondition } from '../../ports/object-store.ts';
import { diskError } from './disk-error.ts';

/** Half-written objects; never listed. */
const UNFINISHED = '.unfinished';
/** Below it: objects removed from a shared folder, as `<content etag>/<key>`. A program that has one open still writes to it. */
const REMOVED = join(UNFINISHED, 'removed');
/** For so long a removed object comes back when it changes; the first look at the whole folder after it lets go of its bytes. */
export const ASIDE_MS = 10 * 60 * 1000;
/** Unchanged for so long, a half-written object has nobody any more who writes it. */
const ABANDONED_MS = 60 * 60 * 1000;
const CHUNK = 1024 * 1024;
const FLUSH_BYTES = 16 * CHUNK;

export interface FolderOptions {
  /**
   * Other programs write here and may set modification times back (`rsync -t`, unzip): then the etag has the time of the last
   * change of status too, which no program can set. Not for our own folders: there a `chmod` or a hard link changes no object.
   * @default false
   */
  readonly shared?: boolean;
  /** Milliseconds. A version that changed less than so long ago is read to its end only then: by that time a writer that goes on has changed it. @default 0 */
  readonly settleMs?: number;
}

/** A folder as an object store. An object appears whole, by a link or a rename; links and folders are no objects. */
export function folderStore(root: string, { shared = false, settleMs = 0 }: FolderOptions = {}): ObjectStore {
  const pathOf = (key: string) => join(root, checkedKey(key));
  let tidied: Promise<void> | undefined;
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
        const facts = await file.stat({ bigint: true });
        const found = infoOf(key, facts);
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
        const age = Date.now() - facts.ctime.getTime();
        if (etag !== undefined && end === undefined && age >= 0 && age < settleMs)
          await sleep(settleMs - age);
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
      let facts: Facts;
      try {
        tidied ??= removeAbandoned(root);
        await tidied;
        facts = await writeWhole(unfinished, body);
        await inFolder(path, () => publish(unfinished, path, { key, condition, stat }));
      } catch (error) {
        throw diskError(error, key);
      } finally {
        await unlink(unfinished).catch(absent);
      }
      // By now another one may have moved it aside, to put it back, or replaced it: what was written is known without a look. Only in a shared
      // folder the links have changed the etag; where the look finds nothing, a read by the older one fails as that of a changed object does.
      return (shared ? await stat(key) : undefined) ?? infoOf(key, facts);
    },
    async *list(prefix) {
      if (shared && prefix === '') await returnChanged(root);
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      for await (const key of keysBelow(root, folder, shared ? closed : absent)) {
        const info = key.startsWith(prefix) ? await stat(key) : undefined;
        if (info !== undefined) yield info;
      }
    },
    async remove(key, etag) {
      if (etag === undefined) return rm(pathOf(key), { force: true }).catch(absent);
      const found = await stat(key);
      if (found !== undefined && found.etag !== etag) throw changed(key);
      if (found !== undefined) await removeVersion(root, pathOf(key), { key, etag, shared });
    },
  };
}

/**
 * A name can be given to another file between a look and the removal: so it is moved aside first, and put back when it is another one. In a shared
 * folder it stays aside for a while: what is written to it from now on nobody has read.
 */
async function removeVersion(
  root: string,
  path: string,
  { key, etag, shared }: Pick<ObjectInfo, 'key' | 'etag'> & { readonly shared: boolean },
): Promise<void> {
  const [content = ''] = /^\d+-\d+-\d+/.exec(etag) ?? [];
  const aside = shared ? join(root, REMOVED, content, key) : join(root, UNFINISHED, randomUUID());
  await mkdir(dirname(aside), { recursive: true });
  // Its folder may just have been found empty and removed.
  const moved = await inFolder(aside, () => rename(path, aside))
    .then(() => lstat(aside, { bigint: true }))
    .catch(absent);
  if (moved === undefined) return;
  // The move itself is a change of status: of a shared folder's etag only the part about the content can still be compared.
  const same = moved.isFile() && `${etag}-`.startsWith(`${contentEtag(moved)}-`);
  // Where a third version has the name by now, its source has replaced the one that was moved.
  if (!same) await link(aside, path).catch(unlessTaken);
  if (!shared || !same) await rm(aside, { force: true });
  if (!same) throw changed(key);
}

/** What writers that were killed have left, as large as what they wrote. */
async function removeAbandoned(root: string): Promise<void> {
  const folder = join(root, UNFINISHED);
  for (const entry of (await readdir(folder, { withFileTypes: true }).catch(absent)) ?? []) {
    const path = join(folder, entry.name);
    const found = entry.isFile() ? await lstat(path).catch(absent) : undefined;
    // Not of the last modification: moving an object aside leaves that as it was.
    if (found !== undefined && Date.now() - found.ctime.getTime() > ABANDONED_MS)
      await rm(path, { force: true });
  }
}

/** Removed objects that have changed since are what their source has written now: another version under the same name. */
async function returnChanged(root: string): Promise<void> {
  for (const content of (await readdir(join(root, REMOVED)).catch(absent)) ?? []) {
    const folder = join(root, REMOVED, content);
    for await (const key of keysBelow(folder, '')) {
      const aside = join(folder, key);
      const now = await lstat(aside, { bigint: true }).catch(absent);
      if (now === undefined) continue;
      const isChanged = contentEtag(now) !== content;
      const isOld = Date.now() - now.ctime.getTime() > ASIDE_MS;
      const isBack =
        isChanged && (await inFolder(join(root, key), () => tookName(aside, join(root, key))).catch(absent));
      if (isBack !== true && (!isOld || isChanged)) continue;
      await rm(aside, { force: true });
      await removeEmpty(dirname(aside), folder);
    }
    await removeEmpty(folder, join(root, REMOVED));
  }
}

/** A folder and those above it, up to `top`, as far as nothing is in them. */
async function removeEmpty(folder: string, top: string): Promise<void> {
  for (let at = folder; at !== top; at = dirname(at)) {
    const removed = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}

/** False while another file has the name: this one waits. */
const tookName = (aside: string, path: string): Promise<boolean> =>
  link(aside, path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      unlessTaken(error);
      return false;
    },
  );

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
    else if (entry === undefined) yield { name, why: 'it is a folder that we may not read' };
    else if (!entry.isFile()) yield { name, why: `it is ${kindOf(entry)}; put the file itself there` };
  }
}

const kindOf = (entry: Dirent<Buffer>): string =>
  entry.isSymbolicLink() ? 'a link, which is not followed' : 'neither a file nor a folder';

async function* entriesBelow(
  root: string,
  folder: Buffer,
): AsyncIterable<{ readonly path: Buffer; readonly entry: Dirent<Buffer> | undefined }> {
  const at = Buffer.concat([Buffer.from(`${root}/`), folder]);
  const entries = await readdir(at, { withFileTypes: true, encoding: 'buffer' }).catch(
    (error: NodeJS.ErrnoException) => (error.code === 'EACCES' ? undefined : (absent(error) ?? [])),
  );
  if (entries === undefined) return yield { path: folder, entry: undefined };
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
  // No folder holds an object whose name is too long for one.
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG') return undefined;
  throw error;
};

/** Of folders of others: `strangersIn` tells of those that we may not read. */
const closed = (error: NodeJS.ErrnoException): undefined =>
  error.code === 'EACCES' ? undefined : absent(error);

interface Facts {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mtime: Date;
  readonly ctime: Date;
}

const contentEtag = ({ ino, size, mtimeNs }: Facts): string => `${ino}-${size}-${mtimeNs}`;

async function writeWhole(path: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Facts> {
  const file = await inFolder(path, () => open(path, 'wx', 0o600));
  let flushed = Promise.resolve();
  try {
    let waiting = 0;
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      await writeAll(file, chunk);
      waiting += chunk.length;
      if (waiting < FLUSH_BYTES) continue;
      // The disk works while the next bytes are read and hashed.
      await flushed;
      flushed = file.datasync();
      flushed.catch(() => undefined);
      waiting = 0;
    }
    await flushed;
    await file.datasync();
    return await file.stat({ bigint: true });
  } finally {
    await flushed.catch(() => undefined);
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
async function* keysBelow(root: string, folder: string, unless = absent): AsyncIterable<string> {
  const none = folder === '' ? absent : unless;
  const entries = (await readdir(join(root, folder), { withFileTypes: true }).catch(none)) ?? [];
  const named = entries
    .filter((entry) => entry.isFile() || (entry.isDirectory() && entry.name !== UNFINISHED))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort();
  for (const name of named) {
    if (name.endsWith('/')) yield* keysBelow(root, `${folder}${name}`, unless);
    else yield `${folder}${name}`;
  }
}

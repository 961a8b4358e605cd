import { createHash } from 'node:crypto';
import { ConflictError, TerminalError } from '../errors.ts';
import { type Ledger, type LedgerItem, type LedgerWrite, MAX_LEDGER_WRITES } from '../ports/ledger.ts';
import { type ContentEntry, type FileEntry, partitions } from './entries.ts';

/** DynamoDB takes sort keys of 1,024 bytes, and S3 keys of as many: longer ones stand as their hash. */
const objectSort = ({ key, etag }: Pick<FileEntry, 'key' | 'etag'>): string => {
  const name = Buffer.byteLength(key) <= 900 ? key : createHash('sha256').update(key).digest('hex');
  return `${name}#${etag}`;
};

/** Whether intake has seen an object of this key with this ETag, whenever it arrived. */
export const isKnownObject = async (
  ledger: Ledger,
  object: Pick<FileEntry, 'bucket' | 'key' | 'etag'>,
): Promise<boolean> =>
  (
    await ledger.query({
      partition: partitions.objects(object.bucket),
      prefix: objectSort(object),
      limit: 1,
    })
  ).length > 0;

/** Records an object that nobody could read. Answers `conflict` where that has been done. */
export const recordGone = (ledger: Ledger, file: FileEntry): Promise<'done' | 'conflict'> =>
  ledger.transact([
    {
      kind: 'put',
      partition: partitions.objects(file.bucket),
      sort: objectSort(file),
      body: { dataset: file.dataset, fileId: file.fileId },
      ifVersion: 0,
    },
    { kind: 'put', partition: partitions.files(file.dataset), sort: file.fileId, body: file },
    { kind: 'put', partition: partitions.datasets, sort: file.dataset, body: { dataset: file.dataset } },
  ]);

/** The file that an object has become, if intake has seen exactly this version of it. */
export async function fileOfObject(
  ledger: Ledger,
  object: Pick<FileEntry, 'bucket' | 'key' | 'etag'>,
): Promise<FileEntry | undefined> {
  const seen = await ledger.get<{ dataset: string; fileId: string }>(
    partitions.objects(object.bucket),
    objectSort(object),
  );
  return seen === undefined ? undefined : fileOf(ledger, seen.body.dataset, seen.body.fileId);
}

export async function fileOf(
  ledger: Ledger,
  dataset: string,
  fileId: string,
): Promise<FileEntry | undefined> {
  return (await ledger.get<FileEntry>(partitions.files(dataset), fileId))?.body;
}

/** What the dataset knows of this content. */
export const knownContent = (
  ledger: Ledger,
  dataset: string,
  sha256: string,
): Promise<LedgerItem<ContentEntry> | undefined> =>
  ledger.get<ContentEntry>(partitions.content(dataset), sha256);

export interface Recording {
  /** The object lies in the lake's own landing place and is removed once the file is final. */
  readonly own: boolean;
  /** Version of what was known of the content when the decision was made; 0 for nothing. */
  readonly contentVersion: number;
}

/** Records what intake decided, in one transaction. Answers `conflict` where another intake was first: look again. */
export async function recordFile(
  ledger: Ledger,
  file: FileEntry,
  { own, contentVersion }: Recording,
): Promise<'done' | 'conflict'> {
  const { dataset, fileId } = file;
  const pointer = { dataset, fileId };
  return ledger.transact([
    {
      kind: 'put',
      partition: partitions.objects(file.bucket),
      sort: objectSort(file),
      body: pointer,
      ifVersion: 0,
    },
    { kind: 'put', partition: partitions.files(dataset), sort: fileId, body: file },
    { kind: 'put', partition: partitions.datasets, sort: dataset, body: { dataset } },
    ...(file.state === 'admitted'
      ? [{ kind: 'put', partition: partitions.pending(dataset), sort: fileId, body: pointer } as const]
      : []),
    ...(file.state === 'duplicate' ? [] : [{ ...content(file), ifVersion: contentVersion }]),
    ...(own ? [settle(file)] : []),
  ]);
}

const content = (file: FileEntry) => ({
  kind: 'put' as const,
  partition: partitions.content(file.dataset),
  sort: file.sha256,
  body: {
    dataset: file.dataset,
    fileId: file.fileId,
    ...(file.state === 'quarantined' ? { refusedUnder: file.judgedBy } : {}),
  } satisfies ContentEntry,
});

const settle = (file: FileEntry): LedgerWrite => ({
  kind: 'put',
  partition: partitions.settling,
  sort: `${file.dataset}#${file.fileId}`,
  body: { dataset: file.dataset, fileId: file.fileId },
});

export async function settled(ledger: Ledger, file: FileEntry): Promise<void> {
  await ledger.transact([
    { kind: 'delete', partition: partitions.settling, sort: `${file.dataset}#${file.fileId}` },
  ]);
}

/** Admitted files of a dataset in the order of their ids, at most `limit`. */
export async function pendingFiles(
  ledger: Ledger,
  dataset: string,
  limit: number,
): Promise<readonly FileEntry[]> {
  const pointers = await ledger.query<{ fileId: string }>({ partition: partitions.pending(dataset), limit });
  return filesOf(
    ledger,
    dataset,
    pointers.map(({ body }) => body.fileId),
  );
}

/** @throws TerminalError where the ledger lacks one of them */
export const filesOf = (
  ledger: Ledger,
  dataset: string,
  ids: readonly string[],
): Promise<readonly FileEntry[]> =>
  Promise.all(
    ids.map(async (fileId) => {
      const file = await fileOf(ledger, dataset, fileId);
      if (file !== undefined) return file;
      throw new TerminalError(`the ledger has no file ${fileId} of ${dataset}; run headgate doctor`, {
        fault: 'headgate',
      });
    }),
  );

/**
 * Writes new states of files, each with its place in the pending list, in transactions of bounded size. Repeating it changes
 * nothing. `guard` is checked in every transaction.
 */
export async function updateFiles(
  ledger: Ledger,
  files: readonly FileEntry[],
  guard: readonly LedgerWrite[] = [],
): Promise<void> {
  const perFile = 3;
  const size = Math.floor((MAX_LEDGER_WRITES - guard.length) / perFile);
  for (let from = 0; from < files.length; from += size) {
    const writes = files.slice(from, from + size).flatMap(fileWrites);
    if ((await ledger.transact([...guard, ...writes])) === 'conflict') {
      throw new ConflictError('another run took over while files were being recorded', { fault: 'headgate' });
    }
  }
}

function fileWrites(file: FileEntry): readonly LedgerWrite[] {
  const { dataset, fileId } = file;
  const pending = { partition: partitions.pending(dataset), sort: fileId };
  return [
    { kind: 'put', partition: partitions.files(dataset), sort: fileId, body: file },
    file.state === 'admitted'
      ? { kind: 'put', ...pending, body: { dataset, fileId } }
      : { kind: 'delete', ...pending },
    ...(file.state === 'quarantined' ? [content(file)] : []),
  ];
}

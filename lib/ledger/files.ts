import { createHash } from 'node:crypto';
import { ConflictError, TerminalError } from '../errors.ts';
import {
  type Ledger,
  type LedgerItem,
  type LedgerQuery,
  type LedgerWrite,
  MAX_LEDGER_WRITES,
} from '../ports/ledger.ts';
import { type ContentEntry, type FileEntry, type FilePointer, partitions } from './entries.ts';
import { everything } from './everything.ts';
import { summaryWrites } from './summary.ts';

type LandedVersion = Pick<FileEntry, 'bucket' | 'key' | 'etag'>;

/**
 * DynamoDB takes sort keys of 1,024 bytes, and S3 keys of as many: longer ones stand as their hash. Without ETag it is the place of the key's last version,
 * before those of all versions.
 */
const objectSort = ({ key, etag }: Pick<LandedVersion, 'key' | 'etag'>): string => {
  const name = Buffer.byteLength(key) <= 900 ? key : createHash('sha256').update(key).digest('hex');
  return `${name}#${etag}`;
};

/** A set's name within a sort key; a folder may be longer than one. */
export const setKey = (set: string): string =>
  Buffer.byteLength(set) <= 700 ? set : createHash('sha256').update(set).digest('hex');

/** Whether intake has seen an object of this key with this ETag, whenever it arrived. */
export const isKnownObject = async (ledger: Ledger, object: LandedVersion): Promise<boolean> =>
  (
    await ledger.query({
      partition: partitions.objects(object.bucket),
      prefix: objectSort(object),
      limit: 1,
    })
  ).length > 0;

/**
 * A dataset is on record with its first file. Written with every file, its one item would bound how fast files of all datasets come in (DynamoDB: 1,000
 * write units a second in a partition, and transactions that meet in an item cancel each other).
 */
async function registration(ledger: Ledger, dataset: string): Promise<readonly LedgerWrite[]> {
  const known = await ledger.get(partitions.datasets, dataset);
  return known === undefined
    ? [{ kind: 'put', partition: partitions.datasets, sort: dataset, body: { dataset } }]
    : [];
}

/** Records an object that nobody could read, `beside` with it. Answers `conflict` where that has been done. */
export const recordGone = async (
  ledger: Ledger,
  file: FileEntry,
  beside: readonly LedgerWrite[],
): Promise<'done' | 'conflict'> =>
  ledger.transact([
    ...beside,
    {
      kind: 'put',
      partition: partitions.objects(file.bucket),
      sort: objectSort(file),
      body: { dataset: file.dataset, fileId: file.fileId },
      ifVersion: 0,
    },
    { kind: 'put', partition: partitions.files(file.dataset), sort: file.fileId, body: file },
    ...(await registration(ledger, file.dataset)),
    ...summaryWrites(file.dataset, [{ after: file }]),
  ]);

/** What an earlier intake made of an object. */
export interface SeenFile {
  readonly file: FileEntry;
  /** Of the file's entry. */
  readonly version: number;
  /** Of the object's entry. */
  readonly objectVersion: number;
}

/** What is known of an object that lies in landing. */
export interface KnownObject {
  /** The file that exactly this version of it has become. */
  readonly seen: SeenFile | undefined;
  /** The file of the version that came last, and the version of the entry that says so: 0 where the key has had one version only. */
  readonly last: (FilePointer & { readonly version: number }) | undefined;
}

/** One read for a key that is new. */
export async function knownObject(ledger: Ledger, object: LandedVersion): Promise<KnownObject> {
  const partition = partitions.objects(object.bucket);
  const [place, sort] = [objectSort({ ...object, etag: '' }), objectSort(object)];
  // The key of another object may begin with this one and a `#`, and stand between its versions.
  const isOwn = (item: LedgerItem<FilePointer>) => !item.sort.includes('#', place.length);
  const [next] = await ledger.query<FilePointer>({ partition, prefix: place, limit: 1 });
  const first =
    next === undefined || isOwn(next) ? next : await firstOf(ledger, { partition, prefix: place }, isOwn);
  if (first === undefined) return { seen: undefined, last: undefined };
  const pointer = first.sort === sort ? first : await ledger.get<FilePointer>(partition, sort);
  const file = pointer && (await fileItemOf(ledger, pointer.body.dataset, pointer.body.fileId));
  return {
    seen: file && { file: file.body, version: file.version, objectVersion: pointer.version },
    last: { ...first.body, version: first.sort === place ? first.version : 0 },
  };
}

async function firstOf(
  ledger: Ledger,
  query: LedgerQuery,
  isWanted: (item: LedgerItem<FilePointer>) => boolean,
): Promise<LedgerItem<FilePointer> | undefined> {
  for await (const item of everything<FilePointer>(ledger, query)) if (isWanted(item)) return item;
  return undefined;
}

/** With its version, to be changed on that condition. */
export const fileItemOf = (
  ledger: Ledger,
  dataset: string,
  fileId: string,
): Promise<LedgerItem<FileEntry> | undefined> => ledger.get<FileEntry>(partitions.files(dataset), fileId);

export const fileOf = async (
  ledger: Ledger,
  dataset: string,
  fileId: string,
): Promise<FileEntry | undefined> => (await fileItemOf(ledger, dataset, fileId))?.body;

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
  /** What stood when the decision was made. */
  readonly object: KnownObject;
  /** The file that had these bytes, whose rows have been taken out: this one stands for them now. */
  readonly gone?: LedgerItem<FileEntry> | undefined;
  /** Written with it. @default nothing */
  readonly beside?: readonly LedgerWrite[];
}

/** Records what intake decided, in one transaction. Answers `conflict` where another intake was first: look again. */
export async function recordFile(
  ledger: Ledger,
  file: FileEntry,
  { own, contentVersion, object: { seen, last }, gone, beside = [] }: Recording,
): Promise<'done' | 'conflict'> {
  const { dataset, fileId } = file;
  const pointer = { dataset, fileId };
  // Under another contract the same object may be another file; then the refused one stays on record.
  const isSame = seen?.file.dataset === dataset && seen.file.fileId === fileId;
  const replaced = gone === undefined ? [] : [{ before: gone.body, after: sentAgain(gone.body, pointer) }];
  return ledger.transact([
    {
      kind: 'put',
      partition: partitions.objects(file.bucket),
      sort: objectSort(file),
      body: pointer,
      ifVersion: seen?.objectVersion ?? 0,
    },
    ...(seen !== undefined || last === undefined ? [] : [lastVersion(file, last.version)]),
    ...replaced.flatMap(({ before, after }) => fileWrites(before, after, gone?.version ?? 0)),
    {
      kind: 'put',
      partition: partitions.files(dataset),
      sort: fileId,
      body: file,
      ifVersion: isSame ? seen.version : 0,
    },
    ...(await registration(ledger, dataset)),
    ...(file.state === 'admitted' ? [pendingWrite(file)] : []),
    ...(file.state === 'duplicate' || file.control !== undefined
      ? []
      : [{ ...content(file), ifVersion: contentVersion }]),
    ...memberWrites(file),
    ...(own ? [settle(file)] : []),
    ...beside,
    ...summaryWrites(dataset, [isSame ? { before: seen.file, after: file } : { after: file }, ...replaced]),
  ]);
}

/** From a key's second version on. */
const lastVersion = ({ bucket, key, dataset, fileId }: FileEntry, ifVersion: number): LedgerWrite => ({
  kind: 'put',
  partition: partitions.objects(bucket),
  sort: objectSort({ key, etag: '' }),
  body: { dataset, fileId },
  ifVersion,
});

/** Loaded again it would stand beside the file that its source has sent instead. */
function sentAgain(file: FileEntry, supersededBy: FilePointer): FileEntry {
  if (file.state === 'expired') return file;
  const { received } = file.counts;
  const counts = { received, published: 0, quarantined: 0, deduplicated: received };
  return { ...file, state: 'superseded', supersededBy, counts };
}

/** Its place among those that wait. */
const pendingWrite = ({ dataset, fileId, set }: FileEntry): LedgerWrite => ({
  kind: 'put',
  partition: partitions.pending(dataset),
  sort: fileId,
  body: { dataset, fileId, ...(set === undefined ? {} : { set }) },
});

/** Its place among the files of its set; a control file has the set looked at, even where no member waits. */
function memberWrites({ dataset, fileId, set, control }: FileEntry): readonly LedgerWrite[] {
  if (set === undefined) return [];
  const body = { dataset, fileId, set };
  return [
    { kind: 'put', partition: partitions.members(dataset), sort: `${setKey(set)}#${fileId}`, body },
    ...(control === undefined
      ? []
      : [{ kind: 'put', partition: partitions.openSets, sort: `${dataset}#${setKey(set)}`, body } as const]),
  ];
}

/** Records a file that no intake has seen: a corrected one, on its way through a replay. Does nothing where it stands already. */
export async function introduceFile(
  ledger: Ledger,
  file: FileEntry,
  guard: readonly LedgerWrite[],
): Promise<void> {
  const { dataset, fileId } = file;
  if ((await fileOf(ledger, dataset, fileId)) !== undefined) return;
  await ledger.transact([
    ...guard,
    { kind: 'put', partition: partitions.files(dataset), sort: fileId, body: file, ifVersion: 0 },
    ...(await registration(ledger, dataset)),
    ...memberWrites(file),
    ...summaryWrites(dataset, [{ after: file }]),
  ]);
}

/** What is known of a file's content from now on. */
export const content = (file: FileEntry) => ({
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
): Promise<readonly FileEntry[]> => Promise.all(ids.map((fileId) => requireFile(ledger, dataset, fileId)));

/** @throws TerminalError where the ledger lacks it */
export const requireFile = async (ledger: Ledger, dataset: string, fileId: string): Promise<FileEntry> =>
  (await itemOf(ledger, dataset, fileId)).body;

async function itemOf(ledger: Ledger, dataset: string, fileId: string): Promise<LedgerItem<FileEntry>> {
  const item = await fileItemOf(ledger, dataset, fileId);
  if (item !== undefined) return item;
  throw new TerminalError(`the ledger has no file ${fileId} of ${dataset}; run headgate doctor`, {
    fault: 'headgate',
  });
}

const ATTEMPTS = 5;
/** Writes of one file at most: its entry, its place among the pending, its content. */
const WRITES_PER_FILE = 3;

/**
 * Changes files, each from the state it has at that moment; `change` answers undefined where nothing is to be done any more, so that
 * repeating it changes nothing. In transactions of bounded size, `guard` checked in every one.
 * @returns the files as they stand then
 * @throws ConflictError where the guard fails or others keep changing the same files
 */
export async function changeFiles(
  ledger: Ledger,
  dataset: string,
  ids: readonly string[],
  change: (file: FileEntry) => FileEntry | undefined,
  guard: readonly LedgerWrite[] = [],
): Promise<readonly FileEntry[]> {
  const size = Math.floor((MAX_LEDGER_WRITES - guard.length - 1) / WRITES_PER_FILE);
  const files: FileEntry[] = [];
  for (let from = 0; from < ids.length; from += size)
    files.push(...(await changeSome(ledger, dataset, ids.slice(from, from + size), change, guard)));
  return files;
}

async function changeSome(
  ledger: Ledger,
  dataset: string,
  ids: readonly string[],
  change: (file: FileEntry) => FileEntry | undefined,
  guard: readonly LedgerWrite[],
): Promise<readonly FileEntry[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const items = await Promise.all(ids.map((fileId) => itemOf(ledger, dataset, fileId)));
    const changes = items.map(({ body, version }) => ({ before: body, version, after: change(body) }));
    const writes = changes.flatMap(({ before, version, after }) =>
      after === undefined ? [] : fileWrites(before, after, version),
    );
    const all = changes.map(({ before, after }) => ({ before, after: after ?? before }));
    if (writes.length === 0) return all.map(({ after }) => after);
    const answer = await ledger.transact([...guard, ...writes, ...summaryWrites(dataset, all)]);
    if (answer === 'done') return all.map(({ after }) => after);
  }
  throw new ConflictError(`another run took over while files of ${dataset} were being recorded`, {
    fault: 'headgate',
  });
}

function fileWrites(before: FileEntry, file: FileEntry, ifVersion: number): readonly LedgerWrite[] {
  const { dataset, fileId } = file;
  const pending = { partition: partitions.pending(dataset), sort: fileId };
  const isRefused = file.state === 'quarantined';
  return [
    { kind: 'put', partition: partitions.files(dataset), sort: fileId, body: file, ifVersion },
    ...(file.state === 'admitted' ? [pendingWrite(file)] : []),
    ...(before.state === 'admitted' && file.state !== 'admitted'
      ? [{ kind: 'delete', ...pending } as const]
      : []),
    ...(isRefused !== (before.state === 'quarantined') ? [content(file)] : []),
  ];
}

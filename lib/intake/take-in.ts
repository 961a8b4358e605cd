import { type Dataset, datasetId, replacesWhole } from '../contract/dataset.ts';
import { ConflictError, TransientError } from '../errors.ts';
import type { FileProfile } from '../formats/file-profile.ts';
import { profileFile } from '../formats/profile.ts';
import type { ContentEntry, FileEntry } from '../ledger/entries.ts';
import { fileOf, type KnownObject, knownContent, knownObject, recordFile } from '../ledger/files.ts';
import { due, noticeId, tell } from '../ledger/notices.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { ObjectInfo, ObjectStore } from '../ports/object-store.ts';
import { type Channel, channel } from './channel.ts';
import { type FileIdentity, fileIdOf } from './file-id.ts';
import { judge, nameless, profileObject, randomAccess, refused } from './judge.ts';
import { type Fate, fateOf } from './known-bytes.ts';
import { MANIFEST_BYTES, parseManifest } from './manifest.ts';
import { isCorrection, rawKey } from './raw-keys.ts';
import type { Router, Routing } from './route.ts';

export interface IntakePorts {
  readonly landing: ObjectStore;
  readonly raw: ObjectStore;
  readonly ledger: Ledger;
  readonly notifier: Notifier;
}

export interface LandingPlace {
  /** Names the place for good: `landing` for the lake's own, of another folder its path without links. */
  readonly bucket: string;
  /** The lake's own: objects are removed once their file is final. Another folder is read, never changed. */
  readonly own: boolean;
  readonly route: Router;
}

/** Dataset of files whose key names none, or several. */
export const UNKNOWN_DATASET = 'unknown';

/** The order in which parallel intakes hand their decisions to the ledger. */
export interface Turn {
  readonly mine: Promise<void>;
  readonly next: () => void;
}

/** Each conflict means that another intake has recorded the object or its content: two are usual at most. */
const MAX_ATTEMPTS = 10;

const FREE: Turn = { mine: Promise.resolve(), next: () => undefined };

export interface Intake {
  readonly file: FileEntry;
  readonly isNew: boolean;
}

/**
 * Decides on one landed object: recognises it, copies it to raw, hashes and counts it in the same pass, and records the
 * decision in `turn`: of two names with one content the first in order is the file. Twice, in parallel or after a crash it ends in one entry.
 * @throws ConflictError when the object changes while it is read: the new version is another file
 */
export async function takeIn(
  ports: IntakePorts,
  place: LandingPlace,
  object: ObjectInfo,
  turn: Turn = FREE,
  attempt = 1,
): Promise<Intake> {
  const { bucket } = place;
  const version = await knownObject(ports.ledger, { bucket, key: object.key, etag: object.etag });
  const { seen } = version;
  const route = place.route(object.key);
  if (seen !== undefined && !(await mayBeTakenNow(ports.ledger, seen.file, route)))
    return { file: seen.file, isNew: false };
  const copied = await copyToRaw(ports, { ...object, bucket }, route);
  const body = isManifest(route) ? await manifestText(ports.raw, copied.raw) : '';
  await turn.mine;
  const receivedAt = await timeReceived(ports.ledger, object, version);
  const entry = newEntry({ ...object, bucket, receivedAt }, route, copied);
  // Markers of every day have the same bytes.
  const known = isControl(route) ? undefined : await knownContent(ports.ledger, entry.dataset, entry.sha256);
  const fate: Fate =
    known === undefined ? { kind: 'stands' } : await fateOf(ports.ledger, entry.dataset, known.body.fileId);
  const decided = isControl(route)
    ? controlFile(entry, body)
    : decide(entry, route, copied.profile, known === undefined ? undefined : { ...known.body, fate });
  const file = decided.state === 'duplicate' ? await sharingRaw(ports.ledger, decided) : decided;
  const notice = file.state === 'quarantined' ? quarantineNotice(file) : undefined;
  const beside = notice === undefined ? [] : [due(notice, file.fileId)];
  const gone = fate.kind === 'gone' && file.state === 'admitted' ? fate.file : undefined;
  const recording = { own: place.own, contentVersion: known?.version ?? 0, object: version, gone, beside };
  const recorded = recordFile(ports.ledger, file, recording);
  turn.next();
  if ((await recorded) === 'conflict') return takeInAgain(ports, place, object, attempt);
  // The copy of a file that was refused before may be shared by now.
  if (file.rawKey !== copied.raw.key && seen === undefined) await ports.raw.remove(copied.raw.key);
  if (notice !== undefined) await tell(ports, noticeId(notice, file.fileId));
  return { file, isNew: true };
}

/** A file that was refused, or repeats one, under a contract that has changed since is judged again. */
async function mayBeTakenNow(ledger: Ledger, file: FileEntry, route: Routing): Promise<boolean> {
  if (file.state !== 'quarantined' && file.state !== 'duplicate') return false;
  // A steward gave it up: that stands.
  if (file.discarded !== undefined) return false;
  const known = await knownContent(ledger, file.dataset, file.sha256);
  return known?.body.refusedUnder !== undefined && known.body.refusedUnder !== fingerprintOf(route);
}

const isControl = (route: Routing): boolean => route.kind === 'route' && route.control !== undefined;
const isManifest = (route: Routing): boolean => route.kind === 'route' && route.control === 'manifest';

async function manifestText(raw: ObjectStore, { key, etag, bytes }: ObjectInfo): Promise<string | undefined> {
  if (bytes > MANIFEST_BYTES) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of raw.read(key, { etag })) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** A manifest or marker: no rows, and no run takes it. */
function controlFile(entry: FileEntry, text: string | undefined): FileEntry {
  const file: FileEntry = { ...entry, state: 'control' };
  if (entry.control === 'marker') return { ...file, profile: null };
  const manifest = text === undefined ? `more than ${MANIFEST_BYTES} bytes` : parseManifest(text);
  if (typeof manifest !== 'string') return { ...file, profile: manifest };
  return refused({ ...entry, profile: null }, 'file.manifest', `the manifest ${manifest}; send it corrected`);
}

const datasetOf = (route: Routing): Dataset | undefined =>
  route.kind === 'route' ? route.dataset : undefined;

/** Of what decides on a file: the contract, or the contracts between which it can't. */
const fingerprintOf = (route: Routing): string => {
  if (route.kind === 'none') return '';
  const datasets = route.kind === 'route' ? [route.dataset] : route.datasets;
  return datasets.map(({ contract }) => contract.fingerprint).join();
};

/** Raw keeps a content once: a duplicate points at the copy of the file that it repeats, unless rows of that have been mended. */
async function sharingRaw(ledger: Ledger, file: FileEntry): Promise<FileEntry> {
  const original = await fileOf(ledger, file.dataset, file.duplicateOf ?? '');
  return original === undefined || isCorrection(original.rawKey)
    ? file
    : { ...file, rawKey: original.rawKey, rawEtag: original.rawEtag };
}

/** Another intake recorded this object, or this content, meanwhile: what it wrote decides. */
async function takeInAgain(
  ports: IntakePorts,
  place: LandingPlace,
  object: ObjectInfo,
  attempt: number,
): Promise<Intake> {
  if (attempt === MAX_ATTEMPTS) {
    throw new TransientError(
      `the ledger refused ${object.key} ${attempt} times; run again, and headgate doctor where it stays`,
      { fault: 'headgate', facts: { key: object.key } },
    );
  }
  const now = await ports.landing.stat(object.key);
  if (now?.etag === object.etag) return takeIn(ports, place, object, FREE, attempt + 1);
  throw new ConflictError(`object ${object.key} changed while it was taken in`, {
    fault: 'source',
    facts: { key: object.key },
  });
}

type LandedObject = ObjectInfo & Pick<LandingPlace, 'bucket'>;

interface Copied {
  readonly profile: FileProfile;
  readonly raw: ObjectInfo;
}

/** The bytes go to raw and through the profile in one pass. A copy that an earlier attempt finished stands and is read instead. */
async function copyToRaw(
  { landing, raw }: IntakePorts,
  object: LandedObject,
  route: Routing,
): Promise<Copied> {
  const dataset = datasetOf(route);
  const key = rawKey(object, dataset === undefined ? UNKNOWN_DATASET : datasetId(dataset));
  const format = isControl(route) ? undefined : dataset?.format;
  const standing = await raw.stat(key);
  const [store, info] =
    standing?.bytes === object.bytes ? ([raw, standing] as const) : ([landing, object] as const);
  const random = randomAccess(store, info);
  const body = store.read(info.key, { etag: info.etag });
  if (store === raw) return { profile: await profileObject(raw, info, format), raw: info };
  if (standing !== undefined) await raw.remove(key);
  const toProfile = channel<Uint8Array>();
  const profile = profileFile(toProfile, format, random);
  const [written] = await Promise.all([
    raw.write(key, passing(body, toProfile), { kind: 'absent' }),
    profile,
  ]);
  return { profile: await profile, raw: written };
}

async function* passing(
  body: AsyncIterable<Uint8Array>,
  to: Channel<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      await to.send(chunk);
      yield chunk;
    }
  } finally {
    to.end();
  }
}

interface Known extends ContentEntry {
  readonly fate: Fate;
}

/** Pure: the decision follows from the entry, the contract and what is known of the content. */
function decide(entry: FileEntry, route: Routing, profile: FileProfile, known: Known | undefined): FileEntry {
  const dataset = datasetOf(route);
  const isKnown =
    known !== undefined && (known.refusedUnder === undefined || known.refusedUnder === entry.judgedBy);
  const reloads =
    dataset !== undefined && (dataset.duplicateFile === 'reload' || isNews(entry, dataset, known));
  if (known?.fate.kind === 'corrected' && !reloads && known.refusedUnder !== entry.judgedBy)
    return corrected(entry, known.fate.by);
  if (isKnown && known.fate.kind !== 'gone' && !reloads) return duplicate(entry, known);
  if (route.kind === 'ambiguous') {
    const names = route.datasets.map(datasetId).join(' and ');
    const message = `the landing patterns of ${names} match ${entry.key}; make them distinct and send the file again`;
    return refused(entry, 'file.ambiguous_feed', message);
  }
  if (dataset === undefined) {
    const message = `no landing pattern matches ${entry.key}; move it to a feed's place or write a contract for it`;
    return refused(entry, 'file.unknown_feed', message);
  }
  const judged = judge(entry, dataset, profile);
  return judged.state === 'admitted' && judged.set !== undefined ? waitingForSet(judged) : judged;
}

/**
 * The same bytes of another business date say something of their own where the date alone decides over the rows of files in between, and where
 * they say that nothing has happened on it.
 */
function isNews(
  { businessDate, counts }: FileEntry,
  { writeMode, dedupe }: Dataset,
  known: ContentEntry | undefined,
): boolean {
  if (businessDate === undefined || known?.fileId.startsWith(`${businessDate}.`) === true) return false;
  return (
    counts.received === 0 ||
    replacesWhole({ writeMode }) ||
    (writeMode === 'merge' && dedupe?.orderBy === undefined)
  );
}

/**
 * A version comes after those that its key has had, whatever its time of modification says: copies keep an older one, a clock may have been ahead, S3 tells
 * whole seconds.
 */
async function timeReceived(
  ledger: Ledger,
  { modified }: ObjectInfo,
  { seen, last }: KnownObject,
): Promise<Date> {
  if (seen !== undefined) return new Date(seen.file.receivedAt);
  const before = last && (await fileOf(ledger, last.dataset, last.fileId));
  if (before === undefined) return modified;
  return new Date(Math.max(modified.getTime(), Date.parse(before.receivedAt) + 1));
}

function newEntry(
  { bucket, key, etag, receivedAt }: Omit<FileIdentity, 'sha256'>,
  route: Routing,
  { profile, raw }: Copied,
): FileEntry {
  const dataset = datasetOf(route);
  const { businessDate, set, control } = route.kind === 'route' ? route : {};
  const identity = { bucket, key, etag, receivedAt, sha256: profile.sha256 };
  return {
    fileId: fileIdOf({ ...identity, ...(businessDate === undefined ? {} : { businessDate }) }),
    dataset: dataset === undefined ? UNKNOWN_DATASET : datasetId(dataset),
    bucket,
    key,
    etag,
    sha256: profile.sha256,
    bytes: profile.bytes,
    receivedAt: receivedAt.toISOString(),
    ...(businessDate === undefined ? {} : { businessDate }),
    state: 'admitted',
    reasons: [],
    counts: { received: profile.records, published: 0, quarantined: 0, deduplicated: 0 },
    checks: {},
    rawKey: raw.key,
    rawEtag: raw.etag,
    fields: [],
    profile: nameless(profile),
    judgedBy: fingerprintOf(route),
    ...(set === undefined ? {} : { set }),
    ...(control === undefined ? {} : { control }),
  };
}

/** An admitted file of a set, with the reason why no run takes it yet. */
export const waitingForSet = (file: FileEntry): FileEntry => ({
  ...file,
  reasons: [
    {
      code: 'file.incomplete_set',
      message: `waits until the set ${file.set} is complete; headgate arrivals says what it lacks`,
    },
  ],
});

/** A person has put another file in the place of these bytes: whether they come back is for a person to say, too. */
const corrected = (file: FileEntry, { dataset, fileId }: FileEntry): FileEntry => ({
  ...refused(
    file,
    'file.corrected',
    `the file with these bytes was corrected, ${fileId} took its place; to load these in place of that one: headgate quarantine release ${file.fileId}`,
  ),
  supersedes: { dataset, fileId },
});

const duplicate = (file: FileEntry, { fileId, refusedUnder }: ContentEntry): FileEntry => ({
  ...file,
  state: 'duplicate',
  duplicateOf: fileId,
  reasons: [
    {
      code: 'file.duplicate',
      message: `the same bytes are known as file ${fileId}${refusedUnder === undefined ? '; nothing to do' : ', refused under the same contract; change the file or the contract'}`,
    },
  ],
  counts: {
    received: file.counts.received,
    published: 0,
    quarantined: 0,
    deduplicated: file.counts.received,
  },
});

export const quarantineNotice = (file: FileEntry) => ({
  kind: 'file.quarantined' as const,
  dataset: file.dataset,
  title: `${file.key} was quarantined: ${file.reasons.map(({ code }) => code).join(', ')}`,
  facts: { file: file.fileId, key: file.key, reason: file.reasons.map(({ message }) => message).join('; ') },
  next: `headgate quarantine show ${file.fileId}`,
});

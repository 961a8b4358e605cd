import { createHash } from 'node:crypto';
import { type Dataset, datasetId } from '../contract/dataset.ts';
import { ConflictError } from '../errors.ts';
import { type FileProfile, profileFile } from '../formats/profile.ts';
import type { ContentEntry, FileEntry, Reason } from '../ledger/entries.ts';
import { fileOf, fileOfObject, knownContent, recordFile } from '../ledger/files.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { ObjectInfo, ObjectStore } from '../ports/object-store.ts';
import { type Channel, channel } from './channel.ts';
import { fileIdOf } from './file-id.ts';
import { matchHeader } from './header.ts';
import type { ReasonCode } from './reasons.ts';
import type { Route, Router } from './route.ts';

export interface IntakePorts {
  readonly landing: ObjectStore;
  readonly raw: ObjectStore;
  readonly ledger: Ledger;
  readonly notifier: Notifier;
}

export interface LandingPlace {
  readonly bucket: string;
  /** The lake's own: objects are removed once their file is final. Another folder is read, never changed. */
  readonly own: boolean;
  readonly route: Router;
}

/** Dataset of files that no landing pattern matches. */
export const UNKNOWN_DATASET = 'unknown';

/** The order in which parallel intakes hand their decisions to the ledger. */
export interface Turn {
  readonly mine: Promise<void>;
  readonly next: () => void;
}

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
): Promise<Intake> {
  const seen = await fileOfObject(ports.ledger, { bucket: place.bucket, key: object.key, etag: object.etag });
  if (seen !== undefined) return { file: seen, isNew: false };
  const route = place.route(object.key);
  const copied = await copyToRaw(ports, object, route?.dataset);
  await turn.mine;
  const entry = newEntry(place, object, route, copied);
  const known = await knownContent(ports.ledger, entry.dataset, entry.sha256);
  const decided = decide(entry, route, copied.profile, known?.body);
  const file = decided.state === 'duplicate' ? await sharingRaw(ports.ledger, decided) : decided;
  const recording = { own: place.own, contentVersion: known?.version ?? 0 };
  const recorded = recordFile(ports.ledger, file, recording);
  turn.next();
  if ((await recorded) === 'conflict') return takeInAgain(ports, place, object);
  if (file.rawKey !== copied.raw.key) await ports.raw.remove(copied.raw.key);
  if (file.state === 'quarantined') await ports.notifier.notify(quarantineNotice(file));
  return { file, isNew: true };
}

/** Raw keeps a content once: a duplicate points at the copy of the file that it repeats. */
async function sharingRaw(ledger: Ledger, file: FileEntry): Promise<FileEntry> {
  const original = await fileOf(ledger, file.dataset, file.duplicateOf ?? '');
  return original === undefined ? file : { ...file, rawKey: original.rawKey, rawEtag: original.rawEtag };
}

/** Another intake recorded this object, or this content, meanwhile: what it wrote decides. */
async function takeInAgain(ports: IntakePorts, place: LandingPlace, object: ObjectInfo): Promise<Intake> {
  const now = await ports.landing.stat(object.key);
  if (now?.etag === object.etag) return takeIn(ports, place, object);
  throw new ConflictError(`object ${object.key} changed while it was taken in`, {
    fault: 'source',
    facts: { key: object.key },
  });
}

interface Copied {
  readonly profile: FileProfile;
  readonly raw: ObjectInfo;
}

/** The bytes go to raw and through the profile in one pass. A copy that an earlier attempt finished stands and is read instead. */
async function copyToRaw(
  { landing, raw }: IntakePorts,
  object: ObjectInfo,
  dataset: Dataset | undefined,
): Promise<Copied> {
  const key = rawKey(object, dataset);
  const format = dataset?.format;
  const standing = await raw.stat(key);
  const [store, info] =
    standing?.bytes === object.bytes ? ([raw, standing] as const) : ([landing, object] as const);
  const random = {
    bytes: info.bytes,
    slice: (start: number, end: number) => whole(store.read(info.key, { etag: info.etag, start, end })),
  };
  const body = store.read(info.key, { etag: info.etag });
  if (store === raw) return { profile: await profileFile(body, format, random), raw: info };
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

/** By the object's identity, so that the same object has one place and another version another. */
function rawKey(object: ObjectInfo, dataset: Dataset | undefined): string {
  const identity = createHash('sha256')
    .update(JSON.stringify([object.key, object.etag]))
    .digest('hex')
    .slice(0, 16);
  const folder = dataset === undefined ? UNKNOWN_DATASET : datasetId(dataset);
  return `${folder}/${object.modified.toISOString().slice(0, 10)}/${identity}`;
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

/** An item of DynamoDB holds 400 KB: whatever a file is called and holds, its entry fits. */
const LEDGER_HEADER_BYTES = 128 * 1024;

/** Pure: the decision follows from the entry, the contract and what is known of the content. */
function decide(
  entry: FileEntry,
  route: Route | undefined,
  profile: FileProfile,
  known: ContentEntry | undefined,
): FileEntry {
  const dataset = route?.dataset;
  const isKnown =
    known !== undefined && (known.refusedUnder === undefined || known.refusedUnder === entry.judgedBy);
  if (isKnown && dataset?.duplicateFile !== 'reload') return duplicate(entry, known);
  if (dataset === undefined) {
    const message = `no landing pattern matches ${entry.key}; move it to a feed's place or write a contract for it`;
    return refused(entry, 'file.unknown_feed', message);
  }
  if (profile.problem !== undefined) return refused(entry, profile.problem.code, profile.problem.message);
  if (Buffer.byteLength(JSON.stringify(profile.header ?? [])) > LEDGER_HEADER_BYTES) {
    const message = `the names of its columns take more than ${LEDGER_HEADER_BYTES} bytes; send a file with shorter or fewer ones`;
    return refused({ ...entry, profile: { ...profile, header: [] } }, 'file.too_large', message);
  }
  const header = matchHeader(dataset, profile);
  if (header.kind === 'refusal') return refused(entry, 'file.header', header.message);
  const wrongTotal = controlTotal(dataset, profile);
  if (wrongTotal !== undefined) return refused(entry, 'file.control_total', wrongTotal);
  return { ...entry, fields: header.fields };
}

function newEntry(
  place: LandingPlace,
  object: ObjectInfo,
  route: Route | undefined,
  { profile, raw }: Copied,
): FileEntry {
  const { businessDate, dataset } = route ?? {};
  const identity = {
    key: object.key,
    etag: object.etag,
    sha256: profile.sha256,
    receivedAt: object.modified,
  };
  return {
    fileId: fileIdOf({ ...identity, ...(businessDate === undefined ? {} : { businessDate }) }),
    dataset: dataset === undefined ? UNKNOWN_DATASET : datasetId(dataset),
    bucket: place.bucket,
    key: object.key,
    etag: object.etag,
    sha256: profile.sha256,
    bytes: profile.bytes,
    receivedAt: object.modified.toISOString(),
    ...(businessDate === undefined ? {} : { businessDate }),
    state: 'admitted',
    reasons: [],
    counts: { received: profile.records, published: 0, quarantined: 0, deduplicated: 0 },
    checks: {},
    rawKey: raw.key,
    rawEtag: raw.etag,
    fields: [],
    profile,
    judgedBy: dataset?.contract.fingerprint ?? '',
  };
}

/** A refused file counts all its records as quarantined: they wait in it. */
export const refused = (file: FileEntry, code: ReasonCode | (string & {}), message: string): FileEntry => ({
  ...file,
  state: 'quarantined',
  reasons: [...file.reasons, { code, message } satisfies Reason],
  counts: {
    received: file.counts.received,
    published: 0,
    quarantined: file.counts.received,
    deduplicated: 0,
  },
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

function controlTotal(dataset: Dataset, profile: FileProfile): string | undefined {
  const trailer = dataset.format.kind === 'csv' ? dataset.format.trailer : undefined;
  if (trailer === undefined) return undefined;
  const stated = profile.trailer?.[trailer.countField];
  if (stated !== undefined && /^\d+$/.test(stated) && Number(stated) === profile.records) return undefined;
  return `the trailer does not state the ${profile.records} records that the file holds; it may be cut off, send it again`;
}

export const quarantineNotice = (file: FileEntry) => ({
  kind: 'file.quarantined' as const,
  dataset: file.dataset,
  title: `${file.key} was quarantined: ${file.reasons.map(({ code }) => code).join(', ')}`,
  facts: { file: file.fileId, key: file.key, reason: file.reasons.map(({ message }) => message).join('; ') },
  next: `headgate quarantine show ${file.fileId}`,
});

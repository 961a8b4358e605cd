import { type Dataset, datasetId, replacesWhole } from '../contract/dataset.ts';
import { asSent } from '../contract/sources.ts';
import { ConflictError, TerminalError } from '../errors.ts';
import type { FileProfile } from '../formats/file-profile.ts';
import { fileIdOf } from '../intake/file-id.ts';
import { judge, nameless, profileObject } from '../intake/judge.ts';
import { fateOf } from '../intake/known-bytes.ts';
import { isCorrection } from '../intake/raw-keys.ts';
import { router } from '../intake/route.ts';
import { UNKNOWN_DATASET } from '../intake/take-in.ts';
import type { FileEntry, ReplayEntry, ReplayFile } from '../ledger/entries.ts';
import { content, fileOf, filesOf, knownContent, requireFile } from '../ledger/files.ts';
import { losersTo, replayWrites } from '../ledger/replays.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { filesOfSet, hasSets } from '../sets/sets.ts';
import { datasetOf, newRunId } from './context.ts';
import type { Services } from './services.ts';

/** What somebody wants loaded again, before it is asked for. */
export type ReplayDraft = Pick<ReplayEntry, 'dataset' | 'files'>;

/** The same bytes again, from raw, under the contract as it is now. All files are of one dataset. */
export async function draftReplay(services: Services, files: readonly FileEntry[]): Promise<ReplayDraft> {
  const [first] = files;
  if (first === undefined) throw new TerminalError('no file to replay', { fault: 'source' });
  for (const file of files) requireReplayable(file);
  const named = new Set(files.map(({ fileId }) => fileId));
  const rival = files.find((file) => file.state !== 'published' && named.has(file.supersedes?.fileId ?? ''));
  if (rival !== undefined) {
    throw new TerminalError(
      `${rival.key} (${rival.fileId}) would take the place of ${rival.supersedes?.fileId}, which is named too; name one of them`,
      { fault: 'source' },
    );
  }
  if (first.dataset === UNKNOWN_DATASET) return draftRouted(services, files);
  return { dataset: first.dataset, files: files.map(({ fileId }) => ({ fileId })) };
}

/** Another file takes the place of one. Handing in the same bytes twice is refused, naming the file that they are. */
export async function draftSuccessor(
  services: Services,
  file: FileEntry,
  body: AsyncIterable<Uint8Array>,
): Promise<ReplayDraft> {
  if (file.dataset === UNKNOWN_DATASET) {
    throw new TerminalError(
      `no contract describes ${file.key}; put the corrected file into the landing place of its feed`,
      { fault: 'source' },
    );
  }
  if (file.state !== 'quarantined') requireReplayable(file);
  const dataset = asSent(datasetOf(services, file.dataset), file.key);
  const { raw } = services.stores;
  const key = `${file.dataset}/corrected/${services.newId()}`;
  const info = await raw.write(key, body, { kind: 'absent' });
  const profile = await profileObject(raw, info, dataset.format);
  const known = await knownContent(services.ledger, file.dataset, profile.sha256);
  const fate =
    known === undefined ? undefined : await fateOf(services.ledger, file.dataset, known.body.fileId);
  if (known !== undefined && fate?.kind !== 'corrected') {
    await raw.remove(key);
    throw new TerminalError(
      fate?.kind === 'gone'
        ? `these bytes are known as file ${known.body.fileId}: replay that one`
        : `these bytes are known as file ${known.body.fileId}; nothing to do`,
      { fault: 'source' },
    );
  }
  const entry = newEntry(file, dataset, { receivedAt: services.clock.now(), key, etag: info.etag, profile });
  return { dataset: file.dataset, files: [{ fileId: entry.fileId, entry }] };
}

/** Files that no feed claimed and one claims by now. */
async function draftRouted(services: Services, files: readonly FileEntry[]): Promise<ReplayDraft> {
  const route = router(services.datasets);
  const { raw } = services.stores;
  const routed = await Promise.all(
    files.map(async (file) => {
      const found = route(file.key);
      if (found.kind !== 'route') {
        const what = found.kind === 'none' ? 'still no landing pattern matches' : 'several datasets claim';
        throw new TerminalError(`${what} ${file.key}; let exactly one contract name its place`, {
          fault: 'contract',
        });
      }
      const at = { key: file.rawKey, etag: file.rawEtag, bytes: file.bytes };
      const profile = await profileObject(raw, at, found.dataset.format);
      const known = await knownContent(services.ledger, datasetId(found.dataset), profile.sha256);
      if (known !== undefined) {
        throw new TerminalError(
          `${file.key}: these bytes are known as file ${known.body.fileId}; nothing to do`,
          {
            fault: 'source',
          },
        );
      }
      const { businessDate, ...rest } = file;
      const dated = found.businessDate === undefined ? rest : { ...rest, businessDate: found.businessDate };
      const receivedAt = new Date(file.receivedAt);
      return newEntry(dated, found.dataset, { ...at, receivedAt, profile });
    }),
  );
  const datasets = new Set(routed.map(({ dataset }) => dataset));
  if (datasets.size > 1) {
    throw new TerminalError(`the files belong to ${[...datasets].join(', ')}; replay each feed's apart`, {
      fault: 'source',
    });
  }
  const entries = routed.map((entry) => ({ fileId: entry.fileId, entry }));
  return { dataset: routed[0]?.dataset ?? '', files: entries };
}

interface Body {
  readonly receivedAt: Date;
  readonly key: string;
  readonly etag: string;
  readonly profile: FileProfile;
}

/** A file that takes the place of `old`; judged when its replay is planned. */
function newEntry(old: FileEntry, dataset: Dataset, { receivedAt, key, etag, profile }: Body): FileEntry {
  const date = old.businessDate === undefined ? {} : { businessDate: old.businessDate };
  return {
    fileId: fileIdOf({
      ...date,
      receivedAt,
      bucket: old.bucket,
      key: old.key,
      etag,
      sha256: profile.sha256,
    }),
    dataset: datasetId(dataset),
    bucket: old.bucket,
    key: old.key,
    etag,
    sha256: profile.sha256,
    bytes: profile.bytes,
    receivedAt: receivedAt.toISOString(),
    ...date,
    state: 'admitted',
    reasons: [],
    counts: { received: profile.records, published: 0, quarantined: 0, deduplicated: 0 },
    checks: {},
    rawKey: key,
    rawEtag: etag,
    fields: [],
    profile: nameless(profile),
    judgedBy: '',
    ...(old.set === undefined ? {} : { set: old.set }),
    supersedes: { dataset: old.dataset, fileId: old.fileId },
  };
}

function requireReplayable(file: FileEntry): void {
  const name = `${file.key} (${file.fileId})`;
  const not = (why: string) => new TerminalError(`${name} ${why}`, { fault: 'source' });
  switch (file.state) {
    case 'published':
    case 'quarantined':
    case 'withdrawn':
      return;
    case 'control':
      throw not('holds no rows: replay the files of its set');
    case 'admitted':
      throw not('waits for a run already: headgate run');
    case 'held':
      throw not('is held: decide with headgate hold release or headgate hold reject first');
    case 'duplicate':
      throw not(`has the bytes of ${file.duplicateOf}: replay that one`);
    case 'expired':
      throw not('is past the retention of its contract: its rows would be taken out again');
    case 'superseded':
      throw not(
        `was superseded by ${file.supersededBy?.fileId}: replay that one, or hand these bytes in again in its place with --with`,
      );
  }
}

/** What a replay touches: it may reach further than what was named. */
export interface Reach {
  /** Every file that the run takes, in order of ids. */
  readonly files: readonly string[];
  /** Files whose rows leave the tables. */
  readonly withdraws: readonly string[];
  /** Files that nobody named: rows of theirs had lost to rows of the named ones, and would never come back without them. */
  readonly companions: readonly string[];
}

/** Follows the recorded losses from the named files to all that have to be loaded together. */
export async function reachOf(
  { ledger, datasets }: Pick<Services, 'ledger' | 'datasets'>,
  { dataset, files }: Pick<ReplayEntry, 'dataset' | 'files'>,
): Promise<Reach> {
  const described = datasets.find((each) => datasetId(each) === dataset);
  const bySet = hasSets(described) && replacesWhole(described);
  const named = files.flatMap(({ fileId, entry }) => {
    if (entry === undefined) return [fileId];
    return entry.supersedes?.dataset === dataset ? [entry.supersedes.fileId] : [];
  });
  const known = new Map((await filesOf(ledger, dataset, named)).map((file) => [file.fileId, file]));
  for (const { state, supersedes } of [...known.values()]) {
    // After a rollback the file whose place it had taken stands again; one that was refused as corrected has not taken it yet.
    const mayStand = state === 'withdrawn' || state === 'quarantined';
    const old = mayStand && supersedes?.dataset === dataset ? supersedes.fileId : undefined;
    for (const file of old === undefined ? [] : await filesOf(ledger, dataset, [old]))
      known.set(file.fileId, file);
  }
  const queue = [...known.values()];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    if (file.state !== 'published') continue;
    // Members of a set that replaces others stand in the same files of the table; any of them may have stood for the set.
    const members = bySet && file.set !== undefined ? await filesOfSet(ledger, dataset, file.set) : [];
    const winners = new Set([file.fileId, ...members.map(({ fileId }) => fileId)]);
    const losers = await Promise.all([...winners].map((winner) => losersTo(ledger, dataset, winner)));
    for (const id of new Set([...winners, ...losers.flat()])) {
      const other = known.has(id) ? undefined : await fileOf(ledger, dataset, id);
      if (other?.state !== 'published') continue;
      known.set(id, other);
      queue.push(other);
    }
  }
  const replaced = new Set([...known.values()].flatMap(({ supersedes }) => supersedes?.fileId ?? []));
  const companions = [...known.keys()].filter((id) => !named.includes(id) && !replaced.has(id));
  const standing = [...known.values()].filter(({ state }) => state === 'published');
  return {
    files: [...files.map(({ fileId }) => fileId), ...companions].sort(),
    withdraws: standing.map(({ fileId }) => fileId),
    companions,
  };
}

/** Records the wish; the next run of the dataset works on it. Its new files' contents are taken from this moment on. */
export async function requestReplay(
  services: Services,
  draft: ReplayDraft,
  by: string,
): Promise<ReplayEntry> {
  const at = services.clock.now().toISOString();
  const replay: ReplayEntry = { id: newRunId(services), ...draft, state: 'open', by, at, reasons: [] };
  const entries = draft.files.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
  const claims = await Promise.all(entries.map((entry) => claimOf(services.ledger, entry)));
  if ((await services.ledger.transact([...replayWrites(replay, 0), ...claims])) === 'conflict') {
    throw new ConflictError('the same bytes have landed meanwhile; look at headgate files', {
      fault: 'source',
    });
  }
  return replay;
}

/** Bytes whose file another one has replaced may be taken back; all others are somebody's. */
async function claimOf(ledger: Ledger, entry: FileEntry): Promise<LedgerWrite> {
  const known = await knownContent(ledger, entry.dataset, entry.sha256);
  const isFree =
    known !== undefined && (await fateOf(ledger, entry.dataset, known.body.fileId)).kind === 'corrected';
  return { ...content(entry), ifVersion: isFree ? known.version : 0 };
}

/**
 * The files of a replay as the contract of today judges them.
 * @throws TerminalError where it refuses any: then nothing changes
 */
export async function judgeReplay(
  services: Services,
  dataset: Dataset,
  { files }: Pick<ReplayEntry, 'files'>,
  ids: readonly string[],
): Promise<readonly FileEntry[]> {
  const judged: FileEntry[] = [];
  for (const fileId of ids) {
    const wanted = files.find((file) => file.fileId === fileId) ?? { fileId };
    judged.push(await judgeAgain(services, dataset, wanted));
  }
  const refusals = judged.filter(({ state }) => state === 'quarantined');
  if (refusals.length === 0) return judged;
  const why = refusals.map(
    ({ key, reasons }) => `${key}: ${reasons.map(({ code, message }) => `${code}: ${message}`).join('; ')}`,
  );
  throw new TerminalError(`not replayed, nothing changed: ${why.join(' | ')}`, {
    fault: 'source',
    facts: { files: refusals.length },
  });
}

/** A file that waits, as the contract of today judges it: since intake looked, the contract may have changed. */
export const judgeWaiting = (services: Services, dataset: Dataset, file: FileEntry): Promise<FileEntry> =>
  judgedToday(services, asSent(dataset, file.key), file);

async function judgeAgain(
  services: Services,
  all: Dataset,
  { fileId, entry, corrected }: ReplayFile,
): Promise<FileEntry> {
  const { ledger } = services;
  const file = entry ?? (await requireFile(ledger, datasetId(all), fileId));
  // Much may have happened since it was asked for.
  const stands = entry === undefined ? file : await predecessor(ledger, file);
  if (stands !== undefined) requireReplayable(stands);
  return judgedToday(services, asSent(all, file.key), file, corrected);
}

async function judgedToday(
  { stores }: Services,
  dataset: Dataset,
  file: FileEntry,
  corrected?: ReplayFile['corrected'],
): Promise<FileEntry> {
  const { fingerprint } = dataset.contract;
  const place = corrected ?? { key: file.rawKey, etag: file.rawEtag };
  if (corrected === undefined && file.judgedBy === fingerprint && file.state !== 'quarantined') return file;
  const info = await stores.raw.stat(place.key);
  if (info === undefined || info.etag !== place.etag) {
    throw new TerminalError(
      `the copy of ${file.key} in raw is gone or another one (${place.key}); restore raw, then headgate doctor --mend`,
      {
        fault: 'headgate',
      },
    );
  }
  const profile = await profileObject(stores.raw, info, dataset.format);
  // A correction has no hash of its own on record; its version was told by the etag.
  if (!isCorrection(place.key) && profile.sha256 !== file.sha256) {
    throw new TerminalError(`the copy of ${file.key} in raw has another hash than what landed; restore raw`, {
      fault: 'headgate',
    });
  }
  const counts = { received: profile.records, published: 0, quarantined: 0, deduplicated: 0 };
  const fresh: FileEntry = {
    ...file,
    state: 'admitted',
    reasons: [],
    counts,
    bytes: info.bytes,
    rawKey: place.key,
    rawEtag: place.etag,
    profile: nameless(profile),
    judgedBy: fingerprint,
  };
  return judge(fresh, dataset, profile);
}

const predecessor = (ledger: Ledger, { supersedes }: FileEntry): Promise<FileEntry | undefined> =>
  supersedes === undefined
    ? Promise.resolve(undefined)
    : fileOf(ledger, supersedes.dataset, supersedes.fileId);

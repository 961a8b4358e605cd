import type { FileSet } from '../contract/dataset.ts';
import type { ManifestEntry } from '../intake/manifest.ts';
import type { FileEntry } from '../ledger/entries.ts';

/** What has to be written of a file before its set can be taken in. */
export type SetChange =
  /** It waits again: what it was refused for is mended. */
  | { readonly kind: 'revive'; readonly fileId: string }
  /** A newer version of the member landed before the set was complete. */
  | { readonly kind: 'replace'; readonly fileId: string; readonly by: string }
  | {
      readonly kind: 'refuse';
      readonly fileId: string;
      readonly code: 'file.control_total' | 'file.set_refused';
      readonly message: string;
      /** Left out where nothing that comes later lets it in. */
      readonly refusedFor?: string;
    };

export interface SetVerdict {
  readonly set: string;
  /** `complete`: its waiting members go into a run together. `refused`: all have come, one of them is refused. */
  readonly state: 'complete' | 'incomplete' | 'refused';
  /** Admitted members of a complete set, in order of ids. */
  readonly take: readonly string[];
  readonly changes: readonly SetChange[];
  /** Published members whose place another file has taken, by key, or that the manifest names no longer: their rows would stand beside those of `take`. */
  readonly outdated: readonly string[];
  /** For people: what an incomplete set lacks, which file a refused one was refused for. */
  readonly lacks: string;
  /** When the first file that still waits was received; undefined where none does. */
  readonly since?: string;
}

/**
 * Pure: whether a set is complete, from everything that the ledger knows of it, in whatever order it came. `files` are members and
 * control files of the set.
 */
export function verdictOf(fileSet: FileSet, set: string, files: readonly FileEntry[]): SetVerdict {
  const byAge = [...files].sort((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1));
  const control = byAge.findLast(({ state }) => state === 'control');
  const members = byAge.filter((file) => file.control === undefined && !isGone(file));
  const { named, missing, surplus } = expected(fileSet, control, members);
  const current = named.map(({ file, entry }) => statusOf(file, entry, control));
  const bad = current.filter(({ problem }) => problem !== undefined);
  const good = current.filter(({ problem }) => problem === undefined);
  const [culprit] = bad;
  const isWhole = missing.length === 0;
  const state = !isWhole ? 'incomplete' : culprit === undefined ? 'complete' : 'refused';
  const standing = new Set([...named.map(({ file }) => file.fileId), ...surplus.map(({ fileId }) => fileId)]);
  const changes: SetChange[] = [
    ...replacements(members, standing),
    ...bad.flatMap(({ change }) => (change === undefined ? [] : [change])),
    ...(state === 'complete' ? good.flatMap(({ file }) => (isBack(file) ? [revived(file)] : [])) : []),
    ...(state === 'refused' && culprit !== undefined
      ? good.flatMap(({ file }) => (file.state === 'admitted' ? [refusedWith(file, culprit.file)] : []))
      : []),
  ];
  const unplaced = new Set(surplus);
  const waiting = byAge.filter(
    (file) =>
      (file.state === 'admitted' || (file.state === 'control' && file === control && !isWhole)) &&
      (state === 'incomplete' || unplaced.has(file)),
  );
  const [oldest] = waiting;
  return {
    set,
    state,
    take:
      state === 'complete'
        ? [...new Set(good.flatMap(({ file }) => (file.state === 'admitted' ? [file.fileId] : [])))].sort()
        : [],
    changes: once(changes),
    outdated: members.flatMap(({ state: each, fileId }) =>
      each === 'published' && !standing.has(fileId) ? [fileId] : [],
    ),
    lacks: lacking(missing, surplus, state === 'refused' ? culprit : undefined),
    ...(oldest === undefined ? {} : { since: oldest.receivedAt }),
  };
}

/** Two names with the same bytes are one file, of which everything is written once. */
const once = (changes: readonly SetChange[]): readonly SetChange[] => [
  ...new Map(changes.toReversed().map((change) => [change.fileId, change])).values(),
];

const ageOf = ({ receivedAt, fileId }: FileEntry): string => `${receivedAt} ${fileId}`;

/** Removed by its source before anybody could read it: it never came. */
const isGone = ({ state, reasons }: FileEntry): boolean =>
  state === 'quarantined' && reasons.some(({ code }) => code === 'file.gone');

interface Named {
  readonly file: FileEntry;
  readonly entry?: ManifestEntry;
}

interface Expected {
  /** The version that counts of every member that has come. */
  readonly named: readonly Named[];
  /** What has not come, for people. */
  readonly missing: readonly string[];
  /** Admitted files that the set has no place for as yet. */
  readonly surplus: readonly FileEntry[];
}

function expected(fileSet: FileSet, control: FileEntry | undefined, members: readonly FileEntry[]): Expected {
  const newest = versions(members);
  const all = [...newest.values()].map((file) => ({ file }));
  if (fileSet.kind === 'count') {
    const wrong = newest.size === fileSet.count ? [] : [`${fileSet.count} files, has ${newest.size}`];
    return { named: all, missing: wrong, surplus: [] };
  }
  if (control === undefined) return { named: all, missing: [`its ${fileSet.kind}`], surplus: [] };
  if (fileSet.kind === 'marker') {
    const until = coveredUntil(control);
    const covered = members.filter(({ receivedAt }) => receivedAt <= until);
    const late = members.filter(({ receivedAt, state }) => receivedAt > until && state === 'admitted');
    return { named: [...versions(covered).values()].map((file) => ({ file })), missing: [], surplus: late };
  }
  // Written by takeIn alone.
  const entries = control.profile as readonly ManifestEntry[];
  const found = entries.map((entry) => ({ entry, file: newest.get(keyOf(entry, control, newest)) }));
  const named = found.flatMap(({ entry, file }) => (file === undefined ? [] : [{ entry, file }]));
  const missing = found.flatMap(({ entry, file }) => (file === undefined ? [entry.name] : []));
  const places = new Set(named.map(({ file }) => file));
  const surplus = [...new Set(newest.values())].filter(
    (file) => file.state === 'admitted' && !places.has(file),
  );
  return { named, missing, surplus };
}

/** S3 tells whole seconds, and versions of a key that landed within one stand a millisecond apart: a marker of that second covers them all. */
const coveredUntil = ({ receivedAt }: FileEntry): string => receivedAt.replace(/\.000Z$/, '.999Z');

/** The newest version of each key. One that repeats the bytes of another file of the set stands for that file. */
function versions(members: readonly FileEntry[]): ReadonlyMap<string, FileEntry> {
  const byId = new Map(members.map((file) => [file.fileId, file]));
  return new Map(
    members.map((file) => [
      file.key,
      (file.state === 'duplicate' ? byId.get(file.duplicateOf ?? '') : undefined) ?? file,
    ]),
  );
}

function keyOf({ name }: ManifestEntry, control: FileEntry, known: ReadonlyMap<string, FileEntry>): string {
  const folder = control.key.slice(0, control.key.lastIndexOf('/') + 1);
  const path = name.replace(/^[a-z0-9]+:\/\/[^/]+\//i, '').replace(/^\.\//, '');
  return known.has(`${folder}${path}`) ? `${folder}${path}` : path;
}

interface Status {
  readonly file: FileEntry;
  /** Why the set can't be taken in with it. */
  readonly problem?: string;
  readonly change?: SetChange;
}

function statusOf(file: FileEntry, entry: ManifestEntry | undefined, control: FileEntry | undefined): Status {
  const isRefused = file.state === 'quarantined' && file.refusedFor === undefined;
  if (isRefused) return { file, problem: file.reasons.map(({ code }) => code).join(', ') };
  const differs = entry === undefined ? [] : differences(file, entry);
  if (differs.length === 0) return { file };
  const message = `${control?.key ?? 'the manifest'} states other totals: ${differs.join(', ')}; send the file or the manifest again`;
  const refusedFor = control?.fileId ?? '';
  const stands = file.state === 'quarantined' && file.refusedFor === refusedFor;
  const mayRefuse = file.state === 'admitted' || (file.state === 'quarantined' && !stands);
  const refusal = {
    kind: 'refuse',
    fileId: file.fileId,
    code: 'file.control_total',
    message,
    refusedFor,
  } as const;
  return { file, problem: 'file.control_total', ...(mayRefuse ? { change: refusal } : {}) };
}

const differences = (file: FileEntry, { bytes, sha256, records }: ManifestEntry): readonly string[] => [
  ...(bytes === undefined || bytes === file.bytes ? [] : [`${bytes} bytes, the file has ${file.bytes}`]),
  ...(records === undefined || records === file.counts.received
    ? []
    : [`${records} records, the file has ${file.counts.received}`]),
  ...(sha256 === undefined || sha256 === file.sha256 ? [] : ['another SHA-256']),
];

/** Earlier versions that still wait and whose bytes no name stands for. */
function replacements(members: readonly FileEntry[], standing: ReadonlySet<string>): readonly SetChange[] {
  const newest = new Map(members.map(({ key, fileId }) => [key, fileId]));
  return members.flatMap((file) => {
    if (file.state !== 'admitted' || standing.has(file.fileId)) return [];
    const by = newest.get(file.key) ?? file.fileId;
    return by === file.fileId ? [] : [{ kind: 'replace', fileId: file.fileId, by } as const];
  });
}

/** Refused for its set alone, or replaced before the set was complete and now the version that counts again. */
const isBack = ({ state, refusedFor, runId }: FileEntry): boolean =>
  (state === 'quarantined' && refusedFor !== undefined) || (state === 'superseded' && runId === undefined);

const revived = ({ fileId }: FileEntry): SetChange => ({ kind: 'revive', fileId });

const refusedWith = ({ fileId }: FileEntry, culprit: FileEntry): SetChange => ({
  kind: 'refuse',
  fileId,
  code: 'file.set_refused',
  message: `${culprit.key} of the same set is refused; send it corrected, then the set is taken in whole`,
  refusedFor: culprit.fileId,
});

const NAMES_SHOWN = 10;

function lacking(
  missing: readonly string[],
  surplus: readonly FileEntry[],
  culprit: Status | undefined,
): string {
  const list = (names: readonly string[]) =>
    `${names.slice(0, NAMES_SHOWN).join(', ')}${names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : ''}`;
  return [
    ...(culprit === undefined ? [] : [`${culprit.file.key} is refused: ${culprit.problem}`]),
    ...(missing.length === 0 ? [] : [`waits for ${list(missing)}`]),
    ...(surplus.length === 0
      ? []
      : [`not named, or later than the marker: ${list(surplus.map(({ key }) => key))}`]),
  ].join('; ');
}

import type { Dataset } from '../contract/dataset.ts';
import { asSent } from '../contract/sources.ts';
import { TerminalError } from '../errors.ts';
import type { FileProfile } from '../formats/file-profile.ts';
import { mend } from '../formats/mend.ts';
import type { FileEntry } from '../ledger/entries.ts';
import type { Services } from './services.ts';

/** Rows of a file by number, each with texts by column. */
export type Rows = ReadonlyMap<number, ReadonlyMap<string, string>>;

interface Mended {
  readonly shown: Rows;
  readonly given: Rows;
  /** Rows whose record could not be read: nothing of it was shown. */
  readonly unread: ReadonlySet<number>;
}

/**
 * A copy of a file's bytes with mended rows, in raw beside the original. Only what differs from what was shown is taken over: a
 * personal value was shown protected, and stays what it was where nobody changed it. A row that nobody changed keeps its bytes, and one
 * that could not be read is given whole or not at all: which of its texts belong to which field nobody knows.
 * @throws TerminalError for a row or column that was not shown, or an unread row that is given in part
 */
export async function correctedCopy(
  { stores, newId }: Pick<Services, 'stores' | 'newId'>,
  all: Dataset,
  file: FileEntry,
  { shown, given, unread }: Mended,
): Promise<{ readonly key: string; readonly etag: string }> {
  const dataset = asSent(all, file.key);
  const corrections = new Map<number, Changes>();
  for (const [row, texts] of given) {
    const shownRow = shown.get(row);
    const changes = changesOf(dataset, file, row, texts, shownRow);
    if (changes.size === 0) continue;
    if (unread.has(row)) requireWhole(file, row, texts, shownRow);
    corrections.set(row, changes);
  }
  const key = `${file.dataset}/corrected/${newId()}`;
  const body = mend(stores.raw.read(file.rawKey, { etag: file.rawEtag }), dataset.format, {
    corrections,
    width: file.fields.length,
  });
  const { etag } = await stores.raw.write(key, body, { kind: 'absent' });
  return { key, etag };
}

type Changes = ReadonlyMap<number | string, string>;

function changesOf(
  dataset: Dataset,
  file: FileEntry,
  row: number,
  texts: ReadonlyMap<string, string>,
  shown: ReadonlyMap<string, string> | undefined,
): Changes {
  if (shown === undefined)
    throw new TerminalError(`row ${row} is not in quarantine; headgate quarantine show ${file.fileId}`, {
      fault: 'source',
    });
  const changes = new Map<number | string, string>();
  for (const [column, text] of texts) {
    if (text === (shown.get(column) ?? '')) continue;
    const position = file.fields.indexOf(column);
    if (position === -1) {
      const allowed = dataset.columns.map(({ name }) => name).filter((name) => file.fields.includes(name));
      throw new TerminalError(
        `row ${row}: the file has no field for ${column}; allowed: ${allowed.join(', ')}`,
        {
          fault: 'source',
        },
      );
    }
    // Written by takeIn alone.
    const names = (file.profile as FileProfile).header ?? [];
    changes.set(dataset.format.kind === 'csv' ? position : (names[position] ?? column), text);
  }
  return changes;
}

function requireWhole(
  file: FileEntry,
  row: number,
  texts: ReadonlyMap<string, string>,
  shown: ReadonlyMap<string, string> | undefined,
): void {
  const missing = file.fields.filter(
    (field): field is string =>
      field !== null && shown?.has(field) === true && (texts.get(field) ?? '') === '',
  );
  if (missing.length === 0) return;
  throw new TerminalError(
    `row ${row}: its record could not be read, so every field has to be given; missing: ${missing.join(', ')}. Give them, leave the row as it was exported, or hand in a corrected file with headgate replay ${file.fileId} --with PATH`,
    { fault: 'source' },
  );
}

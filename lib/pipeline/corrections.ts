import type { Dataset } from '../contract/dataset.ts';
import { asSent } from '../contract/sources.ts';
import { TerminalError } from '../errors.ts';
import { mend } from '../formats/mend.ts';
import type { FileProfile } from '../formats/profile.ts';
import type { FileEntry } from '../ledger/entries.ts';
import type { Services } from './services.ts';

/** Rows of a file by number, each with texts by column. */
export type Rows = ReadonlyMap<number, ReadonlyMap<string, string>>;

/**
 * A copy of a file's bytes with mended rows, in raw beside the original. Only what differs from what was shown is taken over: a
 * personal value was shown protected, and stays what it was where nobody changed it.
 * @throws TerminalError for a row or column that was not shown
 */
export async function correctedCopy(
  { stores, newId }: Pick<Services, 'stores' | 'newId'>,
  all: Dataset,
  file: FileEntry,
  { shown, given }: { readonly shown: Rows; readonly given: Rows },
): Promise<{ readonly key: string; readonly etag: string }> {
  const dataset = asSent(all, file.key);
  const corrections = new Map(
    [...given].map(([row, texts]) => [row, changesOf(dataset, file, row, texts, shown.get(row))] as const),
  );
  const key = `${file.dataset}/corrected/${newId()}`;
  const body = mend(stores.raw.read(file.rawKey, { etag: file.rawEtag }), dataset.format, {
    corrections,
    width: file.fields.length,
  });
  const { etag } = await stores.raw.write(key, body, { kind: 'absent' });
  return { key, etag };
}

function changesOf(
  dataset: Dataset,
  file: FileEntry,
  row: number,
  texts: ReadonlyMap<string, string>,
  shown: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<number | string, string> {
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

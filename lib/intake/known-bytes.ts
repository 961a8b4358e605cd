import type { FileEntry } from '../ledger/entries.ts';
import { fileItemOf, fileOf } from '../ledger/files.ts';
import type { Ledger, LedgerItem } from '../ports/ledger.ts';

/**
 * What has become of the file that known bytes were. `stands`: it waits, is loaded or refused, so they bring nothing new. `gone`: a rollback or
 * the retention took its rows out. `corrected`: another file took its place, `by` in the end.
 */
export type Fate =
  | { readonly kind: 'stands' }
  | { readonly kind: 'gone'; readonly file: LedgerItem<FileEntry> }
  | { readonly kind: 'corrected'; readonly by: FileEntry };

export async function fateOf(ledger: Ledger, dataset: string, fileId: string): Promise<Fate> {
  const item = await fileItemOf(ledger, dataset, fileId);
  const file = item?.body;
  if (item !== undefined && (file?.state === 'withdrawn' || file?.state === 'expired'))
    return { kind: 'gone', file: item };
  const next = (each: FileEntry | undefined) => {
    // A version of a member that was replaced while its set waited has no run; one that was refused as corrected names what it would replace.
    if (each?.state === 'superseded' && each.runId !== undefined) return each.supersededBy;
    return each === file && each?.state === 'quarantined' ? each.supersedes : undefined;
  };
  let by: FileEntry | undefined;
  for (let at = next(file); at !== undefined; at = next(by)) by = await fileOf(ledger, at.dataset, at.fileId);
  return by === undefined ? { kind: 'stands' } : { kind: 'corrected', by };
}

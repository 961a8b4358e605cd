import type { FileEntry, ReplayEntry, RunEntry } from '../ledger/entries.ts';
import { fileOf, filesOf, requireFile } from '../ledger/files.ts';
import { replayOf } from '../ledger/replays.ts';
import type { Plan, PlanInput } from '../plan/plan.ts';
import type { Services } from './services.ts';

/** The replay that a run works on; undefined for pending files. */
export const replayOfRun = async (
  { ledger }: Services,
  { dataset, replay }: RunEntry,
): Promise<ReplayEntry | undefined> => (replay === undefined ? undefined : replayOf(ledger, dataset, replay));

/**
 * The files of a run as its plan took them. A replay leaves the ledger's entries as they were until it is published, so what was judged
 * anew stands in the plan alone.
 */
export async function plannedFiles(
  services: Services,
  run: RunEntry,
  plan: Plan,
): Promise<readonly FileEntry[]> {
  const replay = await replayOfRun(services, run);
  if (replay === undefined) return filesOf(services.ledger, run.dataset, run.files);
  return Promise.all(
    plan.inputs.map(async (input) => {
      const introduced = replay.files.find(({ fileId }) => fileId === input.fileId)?.entry;
      const known = await fileOf(services.ledger, run.dataset, input.fileId);
      const base = known ?? introduced ?? (await requireFile(services.ledger, run.dataset, input.fileId));
      const { waivedBy: _waived, ...file } = asPlanned(base, input, plan);
      return replay.waivedBy === undefined ? file : { ...file, waivedBy: replay.waivedBy };
    }),
  );
}

/** A file as one plan took it, whatever has become of it since. */
export const asPlanned = (file: FileEntry, input: PlanInput, { judgedBy }: Plan): FileEntry => ({
  ...file,
  rawKey: input.key,
  rawEtag: input.etag,
  bytes: input.bytes,
  fields: input.fields,
  profile: input.profile,
  judgedBy,
  counts: { ...file.counts, received: input.records },
});

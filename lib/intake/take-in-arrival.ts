import { createHash } from 'node:crypto';
import { datasetId } from '../contract/dataset.ts';
import { isFolder, isUnfinished } from '../contract/landing-pattern.ts';
import { ConflictError, TerminalError } from '../errors.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { isKnownObject, recordGone } from '../ledger/files.ts';
import { due, noticeId, tell } from '../ledger/notices.ts';
import type { ObjectInfo } from '../ports/object-store.ts';
import type { Arrival } from './arrival.ts';
import { fileIdOf } from './file-id.ts';
import { refused } from './judge.ts';
import {
  type Intake,
  type IntakePorts,
  type LandingPlace,
  quarantineNotice,
  takeIn,
  UNKNOWN_DATASET,
} from './take-in.ts';

/**
 * Decides on an object that a bucket has told of. Told twice, late, or in another order it ends the same: what is there now is taken in, and an
 * arrival that was replaced or removed before anybody could read it is recorded with that reason.
 * @throws ConflictError when the object changes while it is read: look again
 */
export async function takeInArrival(
  ports: IntakePorts,
  place: LandingPlace,
  arrival: Arrival,
): Promise<readonly Intake[]> {
  if (arrival.bucket !== place.bucket) {
    throw new TerminalError(`an arrival in ${arrival.bucket}; allowed: ${place.bucket}`, {
      fault: 'headgate',
    });
  }
  // Nor is it missed when it is gone: renamed, it arrives under its own name.
  if (isUnfinished(arrival.key) || isFolder(arrival)) return [];
  const { object, intake } = await takeInCurrent(ports, place, arrival.key);
  const isSame = object !== undefined && (arrival.etag === '' || object.etag.startsWith(arrival.etag));
  const there = intake === undefined ? [] : [intake];
  if (isSame || (await isKnownObject(ports.ledger, arrival))) return there;
  const file = goneFile(place, arrival, object === undefined ? 'removed' : 'replaced');
  const notice = quarantineNotice(file);
  if ((await recordGone(ports.ledger, file, [due(notice, file.fileId)])) === 'conflict') return there;
  await tell(ports, noticeId(notice, file.fileId));
  return [...there, { file, isNew: true }];
}

/** A marker covers what landed before it: that is recorded first, in whatever order the events come. */
async function takeInCovered(ports: IntakePorts, place: LandingPlace, key: string): Promise<void> {
  const marker = place.route(key);
  if (marker.kind !== 'route' || marker.control !== 'marker') return;
  const [prefix] = marker.dataset.landing.split(/[*{]/);
  for await (const object of ports.landing.list(prefix ?? '')) {
    const route = place.route(object.key);
    const isMember =
      !isUnfinished(object.key) &&
      route.kind === 'route' &&
      route.control === undefined &&
      route.dataset === marker.dataset &&
      route.set === marker.set;
    if (isMember) await takeInCurrent(ports, place, object.key);
  }
}

const ATTEMPTS = 5;

interface Current {
  readonly object: ObjectInfo | undefined;
  readonly intake?: Intake;
}

/** A conflict means that another intake works on the same object, or that it has just been replaced: what is there by then is looked at again. */
async function takeInCurrent(ports: IntakePorts, place: LandingPlace, key: string): Promise<Current> {
  for (let attempt = 1; ; attempt++) {
    const object = await ports.landing.stat(key);
    if (object === undefined) return { object };
    await takeInCovered(ports, place, key);
    try {
      return { object, intake: await takeIn(ports, place, object) };
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === ATTEMPTS) throw error;
    }
  }
}

function goneFile(place: LandingPlace, arrival: Arrival, what: 'removed' | 'replaced'): FileEntry {
  const route = place.route(arrival.key);
  const { dataset, businessDate } = route.kind === 'route' ? route : {};
  const sha256 = createHash('sha256').digest('hex');
  const date = businessDate === undefined ? {} : { businessDate };
  const entry: FileEntry = {
    fileId: fileIdOf({
      ...date,
      bucket: place.bucket,
      key: arrival.key,
      etag: arrival.etag,
      sha256,
      receivedAt: arrival.at,
    }),
    dataset: dataset === undefined ? UNKNOWN_DATASET : datasetId(dataset),
    bucket: place.bucket,
    key: arrival.key,
    etag: arrival.etag,
    sha256: '',
    bytes: arrival.bytes,
    receivedAt: arrival.at.toISOString(),
    ...date,
    state: 'admitted',
    reasons: [],
    counts: { received: 0, published: 0, quarantined: 0, deduplicated: 0 },
    checks: {},
    rawKey: '',
    rawEtag: '',
    fields: [],
    profile: null,
    judgedBy: dataset?.contract.fingerprint ?? '',
  };
  return refused(
    entry,
    'file.gone',
    `the object was ${what} before it could be read; send it again under a name of its own`,
  );
}

import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { ConflictError, TerminalError } from '../../errors.ts';
import type { ObjectInfo, ObjectStore, ReadOptions, WriteCondition } from '../../ports/object-store.ts';
import { asking, awsError, isNamed, statusOf } from './errors.ts';

export interface S3StoreOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /**
   * For a bucket that others write to: the same bytes put again are another object, so the time of arrival stands in the ETag.
   * @default false
   */
  readonly arrivals?: boolean;
}

/** Also the size from which on a body is sent in parts. S3 takes 10,000 parts: 80 GiB an object. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 4;
/** Times that a body which breaks off is asked for again, from where it broke. */
const MOST_READS = 4;

/** A bucket. Conditions are S3's own conditional writes; an object sent in parts appears whole at its last request. */
export function s3Store({ client, bucket, arrivals = false }: S3StoreOptions): ObjectStore {
  const infoOf = (key: string, { etag, bytes, modified }: Found): ObjectInfo => ({
    key,
    bytes,
    modified,
    etag: arrivals ? `${unquoted(etag)}-${Math.floor(modified.getTime() / 1000)}` : unquoted(etag),
  });
  const stat = async (key: string): Promise<ObjectInfo | undefined> => {
    try {
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return infoOf(key, {
        etag: head.ETag ?? '',
        bytes: head.ContentLength ?? 0,
        modified: head.LastModified ?? new Date(0),
      });
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw awsError(`stat of s3://${bucket}/${key}`, error);
    }
  };
  return {
    root: `s3://${bucket}`,
    stat,
    read: (key, options = {}) => readObject(client, { Bucket: bucket, Key: key }, options),
    async write(key, body, condition) {
      const target = { client, bucket, key: checkedKey(key), condition };
      const { etag, bytes } = await asking(`write of s3://${bucket}/${key}`, () =>
        body instanceof Uint8Array ? putWhole(target, body) : putStream(target, body),
      ).catch((error: unknown) => {
        if (condition?.kind !== 'etag' || !isMissing((error as Error).cause)) throw error;
        throw new ConflictError(`object ${key} is gone`, { fault: 'headgate', cause: error, facts: { key } });
      });
      if (!arrivals) return infoOf(key, { etag, bytes, modified: new Date() });
      const written = await stat(key);
      if (written !== undefined) return written;
      throw new ConflictError(`object ${key} was removed while it was written`, { fault: 'headgate' });
    },
    async *list(prefix) {
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix });
      try {
        for await (const { Contents = [] } of pages) {
          for (const { Key = '', ETag = '', Size = 0, LastModified = new Date(0) } of Contents)
            yield infoOf(Key, { etag: ETag, bytes: Size, modified: LastModified });
        }
      } catch (error) {
        throw awsError(`list of s3://${bucket}/${prefix}`, error);
      }
    },
    async remove(key, etag) {
      const found = etag === undefined ? undefined : await stat(key);
      if (etag !== undefined && found === undefined) return;
      if (etag !== undefined && found?.etag !== etag) throw changed(key);
      const command = { Bucket: bucket, Key: key, ...(etag === undefined ? {} : { IfMatch: s3Etag(etag) }) };
      await asking(`removal of s3://${bucket}/${key}`, () => client.send(new DeleteObjectCommand(command)));
    },
  };
}

const changed = (key: string, cause?: unknown): ConflictError =>
  new ConflictError(`object ${key} has changed since it was looked at`, {
    fault: 'source',
    cause,
    facts: { key },
  });

interface Found {
  readonly etag: string;
  readonly bytes: number;
  readonly modified: Date;
}

const unquoted = (etag: string): string => etag.replaceAll('"', '');

/** The part of an ETag of ours that S3 knows. */
const s3Etag = (etag: string): string => `"${/^[0-9a-f]{32}(-\d{1,5}(?=-|$))?/.exec(etag)?.[0] ?? etag}"`;

const isMissing = (error: unknown): boolean => isNamed(error, 'NoSuchKey', 'NotFound');

function checkedKey(key: string): string {
  if (!key.split('/').some((part) => part === '' || part === '.' || part === '..')) return key;
  throw new TerminalError(`${JSON.stringify(key)} is no key of an object: parts must not be empty, . or ..`, {
    fault: 'source',
  });
}

/** A body that breaks off goes on where it broke, and only in the same version of the object. */
async function* readObject(
  client: S3Client,
  object: Pick<GetObjectCommandInput, 'Bucket'> & { readonly Key: string },
  { etag, start = 0, end }: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const name = `read of s3://${object.Bucket}/${object.Key}`;
  if (end !== undefined && end <= start) return;
  let from = start;
  let version = etag === undefined ? undefined : s3Etag(etag);
  for (let attempt = 1; ; attempt++) {
    const answer = await open(client, object, { from, end, version });
    if (answer === undefined) return;
    version = answer.ETag;
    try {
      for await (const chunk of answer.Body as AsyncIterable<Uint8Array>) {
        from += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      if (attempt === MOST_READS) throw awsError(name, error);
    }
  }
}

interface Part {
  readonly from: number;
  readonly end: number | undefined;
  readonly version: string | undefined;
}

async function open(
  client: S3Client,
  object: Pick<GetObjectCommandInput, 'Bucket'> & { readonly Key: string },
  { from, end, version }: Part,
) {
  const part =
    from > 0 || end !== undefined ? `bytes=${from}-${end === undefined ? '' : end - 1}` : undefined;
  try {
    return await client.send(
      new GetObjectCommand({
        ...object,
        ...(part === undefined ? {} : { Range: part }),
        ...(version === undefined ? {} : { IfMatch: version }),
      }),
    );
  } catch (error) {
    const { Bucket, Key } = object;
    if (isNamed(error, 'InvalidRange') || statusOf(error) === 416) return undefined;
    if (isMissing(error) && version === undefined)
      throw new TerminalError(`there is no object ${Key} in s3://${Bucket}`, {
        fault: 'source',
        cause: error,
        facts: { key: Key },
      });
    if (isMissing(error) || statusOf(error) === 412) throw changed(Key, error);
    throw awsError(`read of s3://${Bucket}/${Key}`, error);
  }
}

interface Target {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  readonly condition: WriteCondition | undefined;
}

const conditionOf = (condition: WriteCondition | undefined) => {
  if (condition === undefined) return {};
  return condition.kind === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: s3Etag(condition.etag) };
};

async function putWhole({ client, bucket, key, condition }: Target, body: Uint8Array) {
  const command = { Bucket: bucket, Key: key, Body: body, ...conditionOf(condition) };
  const answer = await client.send(new PutObjectCommand(command));
  return { etag: answer.ETag ?? '', bytes: body.length };
}

/** A body that breaks off is aborted: no object, and no parts that cost money. */
async function putStream({ client, bucket, key, condition }: Target, body: AsyncIterable<Uint8Array>) {
  let bytes = 0;
  const counted = async function* () {
    for await (const chunk of body) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  const upload = new Upload({
    client,
    params: { Bucket: bucket, Key: key, Body: Readable.from(counted()), ...conditionOf(condition) },
    partSize: PART_BYTES,
    queueSize: PARTS_AT_ONCE,
  });
  const answer = await upload.done();
  return { etag: answer.ETag ?? '', bytes };
}

import * as z from 'zod/mini';
import { TerminalError } from '../errors.ts';
import { jsonOf } from '../json.ts';

/** One object that has landed, as its bucket told. */
export interface Arrival {
  readonly bucket: string;
  readonly key: string;
  /** Without quotes. */
  readonly etag: string;
  readonly bytes: number;
  readonly at: Date;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html; the key comes as it is, not percent-encoded. */
const objectCreated = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.literal('Object Created'),
  time: z.iso.datetime({ offset: true }),
  detail: z.object({
    bucket: z.object({ name: z.string().check(z.minLength(1)) }),
    object: z.object({
      key: z.string().check(z.minLength(1)),
      size: z.int().check(z.nonnegative()),
      etag: z._default(z.string(), ''),
    }),
  }),
});

/** An "Object Created" event of EventBridge. @throws TerminalError that names what is wrong with it */
export function parseArrival(text: string): Arrival {
  const parsed = objectCreated.safeParse(jsonOf(text));
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'message'}: ${message}`,
    );
    throw new TerminalError(`this is no "Object Created" event of S3: ${wrong.join('; ')}`, {
      fault: 'headgate',
    });
  }
  const { bucket, object } = parsed.data.detail;
  return {
    bucket: bucket.name,
    key: object.key,
    etag: object.etag.replaceAll('"', ''),
    bytes: object.size,
    at: new Date(parsed.data.time),
  };
}

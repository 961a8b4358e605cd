export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  /** Changes whenever the content does: S3 ETag or version id, on a laptop inode, size and modification time (`folderStore`). */
  readonly etag: string;
  readonly modified: Date;
}

/** `absent`: only where no object has this key. `etag`: only over exactly that version. */
export type WriteCondition = { readonly kind: 'absent' } | { readonly kind: 'etag'; readonly etag: string };

export interface ReadOptions {
  /** Read exactly this version; another one is a `ConflictError`, also where it appears while it is read: then after the last byte. */
  readonly etag?: string;
  /** First byte, inclusive. @default 0 */
  readonly start?: number;
  /** Last byte, exclusive. @default the end */
  readonly end?: number;
}

/** One bucket, or one folder on a laptop. Keys use `/` and never start with it. */
export interface ObjectStore {
  /** What stands before `/<key>` in an address that other programs read: `s3://bucket` or an absolute folder. */
  readonly root: string;
  stat(key: string): Promise<ObjectInfo | undefined>;
  /** @throws TerminalError when there is no such object, ConflictError when it is another version. */
  read(key: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Visible whole or not at all. @throws ConflictError when the condition does not hold. */
  write(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    condition?: WriteCondition,
  ): Promise<ObjectInfo>;
  /** Every object whose key starts with `prefix`, in key order. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** No error where there is no such object. With an etag only that version goes. @throws ConflictError when it is another one, which stays */
  remove(key: string, etag?: string): Promise<void>;
}

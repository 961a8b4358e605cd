import { createHash } from 'node:crypto';

/** Block size of SHA-256 in bytes. */
const BLOCK = 64;

/**
 * The two padded keys of HMAC (RFC 2104 section 2), as hexadecimal text, so that plain SQL can compute
 * `sha256(outer || sha256(inner || message))`.
 */
export function hmacPads(key: Uint8Array): { readonly inner: string; readonly outer: string } {
  const short = key.length > BLOCK ? createHash('sha256').update(key).digest() : Buffer.from(key);
  const block = Buffer.concat([short, Buffer.alloc(BLOCK - short.length)]);
  const pad = (byte: number) => Buffer.from(block.map((each) => each ^ byte)).toString('hex');
  return { inner: pad(0x36), outer: pad(0x5c) };
}

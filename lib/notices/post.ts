import { TerminalError, TransientError } from '../errors.ts';

const ATTEMPTS = 4;
const TIMEOUT_MS = 10_000;

export interface PostOptions {
  /** What is posted to, in messages: the address itself is a secret. */
  readonly name: string;
  /** Waits that many milliseconds. */
  readonly pause: (ms: number) => Promise<unknown>;
}

/**
 * Posts JSON to a webhook, again where it was busy or broken (429 with its Retry-After, 5xx, no answer).
 * @throws TransientError when it stays so, TerminalError when the address or the message is refused
 */
export async function post(url: string, body: object, { name, pause }: PostOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await posted(url, body);
    if (answer.status >= 200 && answer.status < 300) return;
    const refused = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    if (refused)
      throw new TerminalError(
        `${name} refused the message with ${answer.status}; check its webhook in the secret`,
        {
          fault: 'headgate',
        },
      );
    if (attempt === ATTEMPTS)
      throw new TransientError(
        `${name} did not take the message ${ATTEMPTS} times, last with ${answer.status}`,
        {
          fault: 'headgate',
        },
      );
    await pause(Math.min(answer.retryAfter * 1000, 30_000) || 2 ** attempt * 250);
  }
}

/** Status 0: no answer. `retryAfter` in seconds, 0 where none was named. */
async function posted(
  url: string,
  body: object,
): Promise<{ readonly status: number; readonly retryAfter: number }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, retryAfter: Number(response.headers.get('retry-after')) || 0 };
  } catch {
    return { status: 0, retryAfter: 0 };
  }
}

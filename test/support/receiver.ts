import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server on 127.0.0.1 that keeps what it is sent. `answers`: status per request in order, the last one from then on. */
export async function receiver(answers: readonly number[] = [200]) {
  const deliveries: Delivery[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    deliveries.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    response.statusCode = answers[Math.min(deliveries.length, answers.length) - 1] ?? 200;
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Nor do connections that are kept alive for the next request hold a test's process back, for five seconds.
  server.unref().on('connection', (socket) => socket.unref());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    deliveries,
    /** Waits, 10 seconds at most, until what has come satisfies a condition. */
    async until(enough: (deliveries: readonly Delivery[]) => boolean): Promise<readonly Delivery[]> {
      const deadline = Date.now() + 10_000;
      while (!enough(deliveries) && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      return deliveries;
    },
  };
}

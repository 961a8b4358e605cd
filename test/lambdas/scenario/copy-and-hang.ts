// Takes one message in as the function does, and hangs when the second part of its copy is to be sent. Argument: the event as JSON.
import { S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';

/** Every client's `send` is this one method of their common base. */
const base = Object.getPrototypeOf(S3Client.prototype) as { send: (...args: unknown[]) => unknown };
const { send } = base;
base.send = function (this: unknown, ...args: unknown[]) {
  const [command] = args;
  if (!(command instanceof UploadPartCommand) || command.input.PartNumber !== 2)
    return send.apply(this, args);
  process.stdout.write('copying\n');
  return new Promise(() => setInterval(() => undefined, 1_000));
};
const { handler } = await import('../../../lambdas/intake/handler.ts');
const context = { functionName: 'intake', awsRequestId: 'killed', getRemainingTimeInMillis: () => 900_000 };
await handler(JSON.parse(process.argv[2] ?? ''), context as Context);

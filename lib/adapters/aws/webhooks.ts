import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod/mini';
import { TerminalError } from '../../errors.ts';
import { jsonOf } from '../../json.ts';
import { CLIENT } from './clients.ts';
import { secretText } from './secrets-manager.ts';

export interface Webhook {
  readonly kind: 'slack' | 'teams';
  readonly url: string;
}

const addresses = z.strictObject({ slack: z.optional(z.url()), teams: z.optional(z.url()) });

export interface Webhooks {
  /** @throws TerminalError where the secret names none */
  addresses(): Promise<readonly Webhook[]>;
  /** Asks the secret again the next time. */
  forget(): void;
}

/** Addresses from a secret such as `{"slack": "https://…"}`, read once a function's life until they are forgotten. */
export function webhooksOf(secret: string): Webhooks {
  const client = new SecretsManagerClient(CLIENT);
  let known: Promise<readonly Webhook[]> | undefined;
  const forget = () => {
    known = undefined;
  };
  return {
    forget,
    addresses() {
      known ??= secretText(client, secret).then((text) => parsed(secret, text));
      // A failure is not remembered: the secret may have been put right.
      known.catch(forget);
      return known;
    },
  };
}

function parsed(secret: string, text: string): readonly Webhook[] {
  const content = addresses.safeParse(jsonOf(text));
  const { slack, teams } = content.data ?? {};
  const found: Webhook[] = [
    ...(slack === undefined ? [] : [{ kind: 'slack' as const, url: slack }]),
    ...(teams === undefined ? [] : [{ kind: 'teams' as const, url: teams }]),
  ];
  if (found.length > 0) return found;
  throw new TerminalError(
    `the secret ${secret} holds no webhook; allowed: a JSON object with the addresses slack, teams or both`,
    { fault: 'headgate' },
  );
}

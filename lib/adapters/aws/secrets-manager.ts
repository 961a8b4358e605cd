import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { TerminalError } from '../../errors.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Secrets } from '../../ports/secrets.ts';
import { parseKey, rememberKey } from '../../privacy/known-key.ts';
import { awsError, isNamed } from './errors.ts';

export interface SecretsManagerOptions {
  readonly client: SecretsManagerClient;
  /** Stands before the name: `headgate/dev/`. */
  readonly prefix: string;
  readonly ledger: Ledger;
}

/** Keys as 64 hexadecimal digits in Secrets Manager. Made at deploy, never here: a key that vanished must not come back as another one. */
export const secretsManager = ({ client, prefix, ledger }: SecretsManagerOptions): Secrets => ({
  async read(name) {
    const id = `${prefix}${name}`;
    const key = parseKey(`the secret ${id}`, await secretText(client, id));
    await rememberKey(ledger, name, key, `the secret ${id}`);
    return key;
  },
});

/** @throws TerminalError when there is no such secret or nobody may read it */
export async function secretText(client: SecretsManagerClient, id: string): Promise<string> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: id }));
    return SecretString ?? '';
  } catch (error) {
    if (!isNamed(error, 'ResourceNotFoundException')) throw awsError(`look-up of the secret ${id}`, error);
    throw new TerminalError(`there is no secret ${id}; deploy again, or restore it; nothing was loaded`, {
      fault: 'headgate',
      cause: error,
      facts: { secret: id },
    });
  }
}

/** @throws TerminalError when the secret is missing, unreadable or malformed. Never answers with a default. */
export interface Secrets {
  read(name: string): Promise<Uint8Array>;
}

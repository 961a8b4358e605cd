/** What is proposed, and why: comments of the YAML. Notes hold counts and shapes; values only where the contract itself lists them. */
export interface Note {
  readonly kind: 'evidence' | 'unsure';
  readonly text: string;
}

export const evidence = (text: string): Note => ({ kind: 'evidence', text });
/** Something that a person should decide. */
export const unsure = (text: string): Note => ({ kind: 'unsure', text });

/** `1,284` */
export const counted = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

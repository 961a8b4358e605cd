/** From harmless to dangerous; from `restricted` on a column must say how its values are protected. */
export const CLASSIFICATIONS = ['public', 'internal', 'restricted', 'confidential', 'secret'] as const;

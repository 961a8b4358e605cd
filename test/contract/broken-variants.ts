// biome-ignore-all lint/suspicious/noExplicitAny: the variants break a parsed document in ways that no type allows
export interface Variant {
  readonly name: string;
  readonly mutate: (document: any) => void;
}

const object = (document: any) => document.schema[0];
const property = (document: any, name: string) =>
  object(document).properties.find((each: any) => each.name === name);
const set =
  (name: string, value: unknown, at: (document: any) => any = (document) => document) =>
  (document: any): void => {
    at(document)[name] = value;
  };
const without =
  (name: string, at: (document: any) => any = (document) => document) =>
  (document: any): void => {
    delete at(document)[name];
  };
const rule =
  (value: object) =>
  (document: any): void => {
    object(document).quality = [value];
  };
const amount = (document: any) => property(document, 'amount');
const type = (document: any) => property(document, 'type');

/** A good contract, broken in one way each; every one breaks the standard itself, not only Headgate. */
export const BROKEN: readonly Variant[] = [
  { name: 'no version', mutate: without('version') },
  { name: 'no kind', mutate: without('kind') },
  { name: 'no apiVersion', mutate: without('apiVersion') },
  { name: 'no id', mutate: without('id') },
  { name: 'no status', mutate: without('status') },
  { name: 'another kind', mutate: set('kind', 'Contract') },
  { name: 'apiVersion of the future', mutate: set('apiVersion', 'v9.0.0') },
  { name: 'version as a number', mutate: set('version', 1) },
  { name: 'id as a list', mutate: set('id', ['a']) },
  { name: 'domain as a number', mutate: set('domain', 5) },
  { name: 'unknown key at the root', mutate: set('owner', 'me') },
  { name: 'schema as an object', mutate: set('schema', { name: 'x' }) },
  { name: 'tags as a text', mutate: set('tags', 'x') },
  { name: 'description as a text', mutate: set('description', 'x') },
  { name: 'unknown key in description', mutate: set('goal', 'x', (document) => document.description) },
  {
    name: 'team member without username',
    mutate: without('username', (document) => document.team.members[0]),
  },
  { name: 'unknown key in team', mutate: set('boss', 'x', (document) => document.team) },
  { name: 'unknown key of a member', mutate: set('age', 5, (document) => document.team.members[0]) },
  { name: 'support without channel', mutate: without('channel', (document) => document.support[0]) },
  { name: 'sla without property', mutate: without('property', (document) => document.slaProperties[0]) },
  { name: 'sla without value', mutate: without('value', (document) => document.slaProperties[0]) },
  { name: 'unknown key in sla', mutate: set('limit', 5, (document) => document.slaProperties[0]) },
  { name: 'role without role', mutate: set('roles', [{ access: 'read' }]) },
  { name: 'server without type', mutate: set('servers', [{ server: 'x' }]) },
  { name: 'server of unknown type', mutate: set('servers', [{ server: 'x', type: 'floppy' }]) },
  { name: 's3 server without location', mutate: set('servers', [{ server: 'x', type: 's3' }]) },
  { name: 'object without name', mutate: without('name', object) },
  { name: 'unknown key of an object', mutate: set('ingestion', {}, object) },
  { name: 'property without name', mutate: without('name', amount) },
  { name: 'unknown key of a property', mutate: set('pii', true, amount) },
  { name: 'unknown logical type', mutate: set('logicalType', 'strng', amount) },
  { name: 'required as a text', mutate: set('required', 'perhaps', amount) },
  { name: 'options without logical type', mutate: without('logicalType', amount) },
  { name: 'an option of another type', mutate: set('logicalTypeOptions', { maxLength: 5 }, amount) },
  { name: 'an unknown option', mutate: set('logicalTypeOptions', { precision: 5 }, amount) },
  { name: 'a minimum as a text', mutate: set('logicalTypeOptions', { minimum: 'zero' }, amount) },
  { name: 'a negative length', mutate: set('logicalTypeOptions', { minLength: -1 }, type) },
  { name: 'an unknown metric', mutate: rule({ type: 'library', metric: 'freshness', mustBe: 0 }) },
  { name: 'no operator', mutate: rule({ type: 'library', metric: 'rowCount' }) },
  {
    name: 'two operators',
    mutate: rule({ type: 'library', metric: 'rowCount', mustBeGreaterThan: 0, mustBeLessThan: 5 }),
  },
  { name: 'an sql rule without query', mutate: rule({ type: 'sql', mustBe: 0 }) },
  { name: 'an unknown dimension', mutate: rule({ type: 'text', description: 'x', dimension: 'beauty' }) },
  { name: 'an unknown key of a rule', mutate: rule({ metric: 'rowCount', mustBe: 0, onFailure: 'warn' }) },
  { name: 'between with one number', mutate: rule({ metric: 'rowCount', mustBeBetween: [1] }) },
  {
    name: 'two equal numbers to be between',
    mutate: rule({ metric: 'rowCount', mustBeBetween: [1, 1] }),
  },
  {
    name: 'a deprecated rule without metric',
    mutate: rule({ type: 'library', rule: 'rowCount', mustBe: 0 }),
  },
  {
    name: 'a custom rule without implementation',
    mutate: rule({ type: 'custom', engine: 'headgate' }),
  },
  { name: 'an id with a blank', mutate: set('id', 'a b', object) },
  {
    name: 'a relationship to no reference',
    mutate: set('relationships', [{ to: 'the parent' }], amount),
  },
  {
    name: 'a relationship of an object without from',
    mutate: set('relationships', [{ to: 'a.b' }], object),
  },
  {
    name: 'a relationship of one column to two',
    mutate: set('relationships', [{ from: 'a.b', to: ['a.b', 'a.c'] }], object),
  },
  {
    name: 'a relationship of an unknown type',
    mutate: set('relationships', [{ type: 'friend', to: 'a.b' }], amount),
  },
  {
    name: 'azure server without format',
    mutate: set('servers', [{ server: 'x', type: 'azure', location: 'az://x' }]),
  },
  {
    name: 'a port as a text',
    mutate: set('servers', [{ server: 'x', type: 'mysql', host: 'h', port: 'p', database: 'd' }]),
  },
  {
    name: 'sftp server at another place',
    mutate: set('servers', [{ server: 'x', type: 'sftp', location: 's3://x' }]),
  },
  {
    name: 'unknown key of a server',
    mutate: set('servers', [{ server: 'x', type: 'pubsub', project: 'p', colour: 'red' }]),
  },
  { name: 'a custom property without property', mutate: set('customProperties', [{ value: 5 }]) },
];

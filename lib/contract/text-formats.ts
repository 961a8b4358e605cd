const GROUP = '[0-9a-fA-F]{1,4}';
const IPV4 =
  '((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';

/** RFC 4291 section 2.2: eight groups, `::` for one run of zeros, the last two groups also in IPv4 notation. */
function ipv6(): string {
  const before = (count: number) => (count === 0 ? '' : `${GROUP}(:${GROUP}){${count - 1}}`);
  const shortened = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((count) => [
    `${before(count)}::${count === 7 ? '' : `(${GROUP}(:${GROUP}){0,${6 - count}})?`}`,
    ...(count <= 5 ? [`${before(count)}::(${GROUP}:){0,${5 - count}}${IPV4}`] : []),
  ]);
  return [`(${GROUP}:){7}${GROUP}`, `(${GROUP}:){6}${IPV4}`, ...shortened].join('|');
}

/**
 * Formats of text columns as patterns; undefined where a format says how to show or store a text and not what it may be.
 * https://html.spec.whatwg.org/#valid-e-mail-address, RFC 4122, RFC 3986 (scheme), RFC 1123, RFC 791, RFC 4648 (byte).
 */
export const TEXT_FORMATS: Readonly<Record<string, string | undefined>> = {
  email: "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+",
  uuid: '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
  uri: '[A-Za-z][A-Za-z0-9+.-]*:[^\\s]+',
  hostname: '[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*',
  ipv4: IPV4,
  ipv6: ipv6(),
  byte: '([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?',
  password: undefined,
  binary: undefined,
};

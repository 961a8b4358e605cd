import type { Pii } from '../dataset.ts';

export interface Personal {
  readonly pii: Pii;
  /** `by name` or `by content: 98% of the values look like an e-mail address`. */
  readonly because: string;
  readonly isSure: boolean;
}

/** Of column names in small letters with `_`. Tokens keep values joinable; what only describes a person is not needed in the clear. */
const NAMES: readonly (readonly [kind: string, expression: RegExp])[] = [
  ['email', /(^|_)e?_?mail(_address)?($|_)/],
  ['phone', /(^|_)(phone|telephone|mobile|msisdn|fax)(_?(no|number|nr))?($|_)/],
  [
    'name',
    /^((first|given|middle|last|full|sur|family|maiden|contact|customer|person|guest|holder)_?name|surname|forename)$/,
  ],
  [
    'nationalId',
    /(^|_)(ssn|soc_sec(_id)?|social_security\w*|bsn|national_id|nin|passport\w*|tax_id|tin|cpf)($|_)/,
  ],
  ['birthDate', /(^|_)(dob|birth_?date|date_of_birth|birth_?day|born)($|_)/],
  [
    'address',
    /^((home|street|postal|billing|shipping)_?)?(address|street|addr)(_?(line)?_?\d)?$|^street_(name|number)$|^house_(no|number)$/,
  ],
  ['postcode', /(^|_)(post_?code|zip|zip_?code|postal_code)($|_)/],
  ['card', /(^|_)(card_(no|number|num)|pan|credit_card(_\w+)?)($|_)/],
  ['account', /(^|_)(iban|bank_account(_\w+)?|account_(no|number))($|_)/],
  ['ipAddress', /(^|_)ip(_?addr(ess)?)?$/],
];

const CONTENTS: readonly (readonly [kind: string, what: string, test: (text: string) => boolean])[] = [
  ['email', 'an e-mail address', (text) => /^[^\s@]+@[^\s@]+\.[A-Za-z]{2,}$/.test(text)],
  [
    'account',
    'an IBAN',
    (text) => /^[A-Z]{2}\d{2}[A-Z0-9 ]{11,34}$/.test(text) && isIban(text.replaceAll(' ', '')),
  ],
  [
    'card',
    'a card number',
    (text) =>
      /^\d([ -]?\d){12,18}$/.test(text) && isLuhn(text.replaceAll(/[ -]/g, '')) && /^[2-6]/.test(text),
  ],
  [
    'phone',
    'a telephone number',
    (text) => /^(\+|00)[1-9]\d?[\d ().-]{6,18}$/.test(text) || /^\(?\d{3}\)?[ -]\d{3}-\d{4}$/.test(text),
  ],
  ['nationalId', 'a social security number', (text) => /^\d{3}-\d{2}-\d{4}$/.test(text)],
  [
    'ipAddress',
    'an IP address',
    (text) => /^((25[0-5]|2[0-4]\d|1?\d?\d)[.]){3}(25[0-5]|2[0-4]\d|1?\d?\d)$/.test(text),
  ],
];

/** Every tenth text of one in ten card columns is a number by chance; half of the values is no chance. */
const SHARE = 0.5;

/** Whether a column is likely to hold personal values, by its names or by what a sample of its texts looks like. */
export function personalOf(names: readonly string[], texts: readonly string[]): Personal | undefined {
  for (const [kind, what, test] of CONTENTS) {
    const share = texts.filter(test).length / Math.max(texts.length, 1);
    if (texts.length > 0 && share >= SHARE)
      return {
        pii: { kind, action: 'tokenize' },
        because: `by content: ${Math.round(share * 100)}% of the sampled values look like ${what}`,
        isSure: share > 0.9,
      };
  }
  const [kind] = NAMES.find(([, expression]) => names.some((name) => expression.test(name))) ?? [];
  if (kind === undefined) return undefined;
  return {
    pii: { kind, action: 'tokenize' },
    because: 'by name',
    isSure: kind !== 'postcode' && kind !== 'address',
  };
}

/** ISO/IEC 7812-1 annex B. */
function isLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, sign, index) => {
    const digit = Number(sign) * (index % 2 === 1 ? 2 : 1);
    return total + (digit > 9 ? digit - 9 : digit);
  }, 0);
  return sum % 10 === 0;
}

/** ISO 13616: moved to the end, the first four signs make the number 1 modulo 97. */
function isIban(text: string): boolean {
  let rest = 0;
  for (const sign of text.slice(4) + text.slice(0, 4))
    rest = Number(`${rest}${Number.parseInt(sign, 36)}`) % 97;
  return rest === 1;
}

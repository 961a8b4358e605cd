// The two inputs that every program of the benchmark takes: generated transactions, and real invoice lines.
import { basename } from 'node:path';

export interface Feed {
  readonly dataset: string;
  /** In the order of the file; every program calls them so, whatever the header says. */
  readonly columns: readonly string[];
  /** SQL of the columns that are no texts, over the texts. */
  readonly typed: Readonly<Record<string, string>>;
  readonly keys: readonly string[];
  /** Of rows with one key the one that is last by this column wins. */
  readonly orderBy: string;
  /** Partitioned by its month. */
  readonly month: string;
  /** Without them a row is bad. */
  readonly required: readonly string[];
  /** What else makes a row bad, by reason. */
  readonly checks: Readonly<Record<string, string>>;
  /** SQL of figures over what was published that are equal when the same rows were. */
  readonly figures: string;
}

const type = (name: string, typed: string) => ({
  [`${name}.type`]: `${name} IS NOT NULL AND TRY_CAST(${name} AS ${typed}) IS NULL`,
});

export const FEEDS = {
  transactions: {
    dataset: 'payments/transactions',
    columns: [
      'transaction_id',
      'parent_id',
      'type',
      'account_id',
      'amount',
      'currency',
      'transacted_at',
      'card_number',
      'updated_at',
    ],
    typed: {
      amount: 'TRY_CAST(amount AS DECIMAL(18,2))',
      transacted_at: 'TRY_CAST(transacted_at AS TIMESTAMP)',
      updated_at: 'TRY_CAST(updated_at AS TIMESTAMP)',
    },
    keys: ['transaction_id'],
    orderBy: 'updated_at',
    month: 'transacted_at',
    required: ['transaction_id', 'type', 'account_id', 'amount', 'currency', 'transacted_at', 'updated_at'],
    checks: {
      'transaction_id.length': 'length(transaction_id) > 20',
      'transaction_id.pattern': "NOT regexp_full_match(transaction_id, 'T[0-9]+')",
      'parent_id.length': 'length(parent_id) > 20',
      'type.not_allowed': "type NOT IN ('purchase', 'refund', 'void')",
      'amount.type': "NOT regexp_full_match(amount, '-?[0-9]{1,16}(\\.[0-9]{1,2}0*)?')",
      'amount.range': 'TRY_CAST(amount AS DECIMAL(18,2)) < 0',
      'currency.pattern': "NOT regexp_full_match(currency, '[A-Z]{3}')",
      ...type('transacted_at', 'TIMESTAMP'),
      ...type('updated_at', 'TIMESTAMP'),
      child_has_parent: "type <> 'purchase' AND parent_id IS NULL",
    },
    figures: `count(DISTINCT transaction_id) AS keys, (sum(amount) * 100)::BIGINT AS cents, sum(epoch(updated_at))::BIGINT AS updated,
      sum(epoch(transacted_at))::BIGINT AS made`,
  },
  // As bench/contracts/sales.odcs.yaml says.
  sales: {
    dataset: 'bench/sales',
    columns: [
      'invoice_no',
      'stock_code',
      'description',
      'quantity',
      'invoice_date',
      'unit_price',
      'customer_id',
      'country',
    ],
    typed: {
      quantity: 'TRY_CAST(quantity AS INTEGER)',
      invoice_date: 'TRY_CAST(invoice_date AS TIMESTAMP)',
      unit_price: 'TRY_CAST(unit_price AS DECIMAL(18,3))',
      customer_id: "regexp_replace(customer_id, '\\.0+$', '')",
    },
    keys: ['invoice_no', 'stock_code', 'quantity', 'invoice_date', 'unit_price'],
    orderBy: 'invoice_date',
    month: 'invoice_date',
    required: [
      'invoice_no',
      'stock_code',
      'description',
      'quantity',
      'invoice_date',
      'unit_price',
      'country',
    ],
    checks: {
      'invoice_no.pattern': "NOT regexp_full_match(invoice_no, '[AC]?[0-9]{6,9}')",
      'stock_code.length': 'length(stock_code) > 20',
      'quantity.type': "NOT regexp_full_match(quantity, '-?[0-9]{1,9}')",
      ...type('invoice_date', 'TIMESTAMP'),
      'unit_price.type': "NOT regexp_full_match(unit_price, '-?[0-9]{1,15}(\\.[0-9]{1,3}0*)?')",
      'unit_price.range': 'TRY_CAST(unit_price AS DECIMAL(18,3)) <= 0',
      'customer_id.pattern': "NOT regexp_full_match(customer_id, '[0-9]{5}(\\.0+)?')",
    },
    figures: `count(DISTINCT (invoice_no, stock_code, quantity, invoice_date, unit_price)) AS keys, sum(quantity)::BIGINT AS pieces, (sum(unit_price) * 1000)::BIGINT AS mils,
      sum(epoch(invoice_date))::BIGINT AS invoiced, sum(customer_id::BIGINT)::BIGINT AS customers, sum(length(country))::BIGINT AS countries`,
  },
} as const satisfies Readonly<Record<string, Feed>>;

export type FeedName = keyof typeof FEEDS;

/** Inputs are called `<feed>-<megabytes>.csv`, which is how every program knows what it reads. */
export function feedNameOf(file: string): FeedName {
  const [name = ''] = basename(file).split('-');
  if (!(name in FEEDS)) throw new Error(`no feed ${name}; known: ${Object.keys(FEEDS).join(', ')}`);
  return name as FeedName;
}

export const feedOf = (file: string): Feed => FEEDS[feedNameOf(file)];

/** Reads every column as text, as Headgate's stage does. */
export const texts = (file: string): string =>
  `read_csv('${file}', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', columns = {${feedOf(
    file,
  )
    .columns.map((name) => `'${name}': 'VARCHAR'`)
    .join(', ')}})`;

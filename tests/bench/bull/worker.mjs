// worker.mjs TABLES: takes webhooks from the queue of REDIS_URL and stores them in batches of 25 in two tables of
// DATABASE_URL: `bare` ones, or those `indexed` as ours are.
import Bull from "bull";
import pg from "pg";

const BATCH = 25;
const BATCHES_AT_ONCE = 4;
/** Milliseconds that a batch waits to become full. */
const PATIENCE = 5;

const TABLES = [
  `CREATE TABLE events (
    id uuid PRIMARY KEY, company text NOT NULL, endpoint text NOT NULL, identity text NOT NULL UNIQUE, name text NOT NULL,
    mode text, resource_id text, account_id text, merchant_ref_num text, status_time timestamptz, received_at timestamptz NOT NULL,
    body text NOT NULL)`,
  `CREATE TABLE transactions (
    company text NOT NULL, id text NOT NULL, status text NOT NULL, amount bigint, currency text, merchant_ref_num text,
    payment_method text, account_id text, mode text, transaction_time timestamptz, status_time timestamptz NOT NULL,
    PRIMARY KEY (company, id))`,
];
const INDEXES = [
  "events (received_at, id)",
  "events (name, received_at, id)",
  "events (company, received_at, id)",
  "events (company, resource_id)",
  "transactions (company, mode, account_id, transaction_time, id)",
  "transactions (mode, transaction_time, id)",
  "transactions (mode, currency, transaction_time, id)",
  "transactions (company, merchant_ref_num)",
  "transactions (company, mode, transaction_time, id)",
  "transactions (company, mode, status, transaction_time, id) WHERE status <> 'COMPLETED'",
  "transactions (mode, status, transaction_time, id) WHERE status <> 'COMPLETED'",
];
const EVENTS = `
  INSERT INTO events
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[])
  ON CONFLICT DO NOTHING`;
const TRANSACTIONS = `
  INSERT INTO transactions
  SELECT DISTINCT ON (company, id) *
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::timestamptz[], $11::timestamptz[])
    AS new (company, id, status, amount, currency, merchant_ref_num, payment_method, account_id, mode, transaction_time,
      status_time)
  ORDER BY company, id, status_time DESC
  ON CONFLICT (company, id) DO UPDATE
  SET status = excluded.status, amount = excluded.amount, status_time = excluded.status_time
  WHERE transactions.status_time < excluded.status_time`;

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: BATCHES_AT_ONCE });
const queue = new Bull("webhooks", process.env.REDIS_URL);
let waiting = [];
let timer;

async function store(batch) {
  const rows = batch.map(({ job }) => ({ ...job, webhook: JSON.parse(job.body) }));
  const column = (of) => rows.map(of);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query({
      name: "events",
      text: EVENTS,
      values: [
        column((row) => row.webhookId),
        column((row) => row.company),
        column((row) => row.endpoint),
        column((row) => row.identity),
        column((row) => row.eventName),
        column((row) => row.webhook.mode),
        column((row) => row.webhook.resourceId),
        column((row) => row.webhook.payload.accountId),
        column((row) => row.webhook.payload.merchantRefNum),
        column((row) => row.webhook.payload.statusTime),
        column((row) => new Date(row.receivedAt)),
        column((row) => row.body),
      ],
    });
    await client.query({
      name: "transactions",
      text: TRANSACTIONS,
      values: [
        column((row) => row.company),
        column((row) => row.webhook.payload.id),
        column((row) => row.webhook.payload.status),
        column((row) => row.webhook.payload.amount),
        column((row) => row.webhook.payload.currencyCode),
        column((row) => row.webhook.payload.merchantRefNum),
        column((row) => row.webhook.payload.paymentType),
        column((row) => row.webhook.payload.accountId),
        column((row) => row.webhook.mode),
        column((row) => row.webhook.payload.txnTime),
        column((row) => row.webhook.payload.statusTime),
      ],
    });
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

function flush() {
  clearTimeout(timer);
  timer = undefined;
  const batch = waiting;
  waiting = [];
  store(batch).then(
    () => batch.forEach(({ done }) => done()),
    (error) => batch.forEach(({ done }) => done(error)),
  );
}

const indexes = process.argv[2] === "indexed" ? INDEXES.map((index) => `CREATE INDEX ON ${index}`) : [];
await pool.query([...TABLES, ...indexes].join(";"));
queue.process(BATCH * BATCHES_AT_ONCE, (job, done) => {
  waiting.push({ job: job.data, done });
  if (waiting.length >= BATCH) flush();
  else timer ??= setTimeout(flush, PATIENCE);
});

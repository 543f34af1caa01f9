//! A history of transactions, made by the database itself.

use chrono::{DateTime, Utc};
use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity};
use e2e::{Database, Platform};
use sea_orm::{ConnectionTrait, Database as Connector};
use store::batch::NewEvent;
use uuid::Uuid;

/// The webhook of that body as a worker writes it, received `now`.
pub fn event_of(webhook_id: Uuid, company_id: CompanyId, now: DateTime<Utc>, body: String) -> NewEvent {
    let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
    NewEvent {
        webhook_id,
        company_id,
        endpoint: Endpoint::Netbanx,
        identity: EventIdentity::of(Endpoint::Netbanx, Some("acme"), &envelope),
        legacy: None,
        event_key: None,
        received_ms: now.timestamp_millis(),
        event: Event::interpret(&envelope, now).unwrap(),
        payload: body,
        trace: None,
    }
}

/// A second before the first transaction, in milliseconds since 1970 UTC; each is a second after the one before.
pub const BEGAN: i64 = 1_700_000_000_000;

/// Adds `rows` transactions of 20 companies `c1`–`c20` to a platform without any.
pub async fn fill(platform: &Platform, database: Database, rows: u32) {
    fill_companies(platform, database, rows, 20).await;
}

/// The same of so many companies, 20 at most.
pub async fn fill_companies(platform: &Platform, database: Database, rows: u32, companies: u32) {
    let db = Connector::connect(&platform.database_url).await.unwrap();
    let columns = "id, company_id, kind, external_id, status, raw_status, amount, currency, merchant_ref_num, payment_method,
        account_id, mode, transaction_time, status_time, created_at, updated_at, state";
    let values = "CASE WHEN n % 500 = 0 THEN 'CHARGEBACK' ELSE 'PAYMENT' END, 'p' || n,
        CASE WHEN n % 700 = 0 THEN 'RETURNED' WHEN n % 11 = 0 THEN 'FAILED' ELSE 'COMPLETED' END, 'X', n % 100000,
        CASE WHEN n % 900 = 0 THEN 'KWD' WHEN n % 3 = 0 THEN 'USD' ELSE 'EUR' END, 'order-' || n, 'CARD', 'a' || n % 3000, 'live',
        1700000000000 + n * CAST(1000 AS bigint), 0, 0, 0, '{}'";
    let keys = "INSERT INTO transaction_keys SELECT company_id, kind, external_id, id FROM transactions";
    let statements = match database {
        Database::Postgres => vec![
            "INSERT INTO companies (id, slug, name, created_at) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'c' || n, 'C', 0
             FROM generate_series(1, 20) n"
                .to_owned(),
            format!(
                "INSERT INTO transactions ({columns}) SELECT gen_random_uuid(),
                 ('00000000-0000-7000-8000-' || lpad((1 + n % {companies})::text, 12, '0'))::uuid, {values} FROM generate_series(1, {rows}) n"
            ),
            keys.to_owned(),
            "VACUUM ANALYZE".to_owned(),
        ],
        Database::Sqlite => vec![
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20) INSERT INTO companies (id, slug, name, created_at)
             SELECT unhex('000000000000700080000000000000' || printf('%02d', n)), 'c' || n, 'C', 0 FROM s"
                .to_owned(),
            format!(
                "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) INSERT INTO transactions ({columns})
                 SELECT randomblob(16), unhex('000000000000700080000000000000' || printf('%02d', 1 + n % {companies})), {values} FROM s"
            ),
            keys.to_owned(),
            "ANALYZE".to_owned(),
        ],
    };
    for sql in statements {
        db.execute_unprepared(&sql).await.unwrap();
    }
    db.close().await.unwrap();
}

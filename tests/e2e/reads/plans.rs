//! No documented filter makes the database read a whole table.

use e2e::{Database, Platform, Service};
use sea_orm::{ConnectionTrait, Database as Connector, Statement};

/// Rows of a history, enough that reading them all shows.
const ROWS: u32 = 60_000;

async fn fill(platform: &Platform) {
    let db = Connector::connect(&platform.database_url).await.unwrap();
    for sql in [
        "INSERT INTO companies SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'c' || n, 'C', 0
         FROM generate_series(1, 20) n",
        &format!(
            "INSERT INTO transactions (id, company_id, kind, external_id, status, raw_status, amount, currency, merchant_ref_num,
                payment_method, account_id, mode, transaction_time, status_time, created_at, updated_at, state)
             SELECT gen_random_uuid(), ('00000000-0000-7000-8000-' || lpad((1 + n % 20)::text, 12, '0'))::uuid,
                CASE WHEN n % 500 = 0 THEN 'CHARGEBACK' ELSE 'PAYMENT' END, 'p' || n,
                CASE WHEN n % 700 = 0 THEN 'RETURNED' ELSE 'COMPLETED' END, 'X', n,
                CASE WHEN n % 900 = 0 THEN 'KWD' ELSE 'EUR' END, 'order-' || n, 'CARD', 'a' || n % 3000, 'live',
                1700000000000 + n * 1000, 0, 0, 0, '{{}}' FROM generate_series(1, {ROWS}) n"
        ),
        "INSERT INTO transaction_keys SELECT company_id, kind, external_id, id FROM transactions",
        "ANALYZE",
    ] {
        db.execute_unprepared(sql).await.unwrap();
    }
    db.close().await.unwrap();
}

/// Rows of transactions and of their directory that whole-table reads have read so far.
async fn read_whole(platform: &Platform) -> i64 {
    let db = Connector::connect(&platform.database_url).await.unwrap();
    let sql = "SELECT SUM(seq_tup_read)::bigint AS n FROM pg_stat_user_tables WHERE relname LIKE 'transaction%'";
    // What another session read shows once it has been idle for a moment.
    db.execute_unprepared("SELECT pg_stat_force_next_flush()").await.unwrap();
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    db.close().await.unwrap();
    row.try_get("", "n").unwrap()
}

#[tokio::test]
async fn every_filter_has_an_index_and_no_count_reads_everything() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    fill(&platform).await;
    platform.variables.push(("DATABASE_MAX_CONNECTIONS", "1".to_owned()));
    platform.run(Service::Api).await;
    let before = read_whole(&platform).await;
    let mut capped = 0;
    let known = [("q=p4711", 11), ("q=nothing", 0), ("merchantRefNum=order-4711", 1), ("kind=CHARGEBACK", 120)];
    for company in ["", "&company=c7"] {
        for filter in [
            "limit=20",
            "limit=100&page=50",
            "status=RETURNED",
            "status=COMPLETED",
            "kind=CHARGEBACK",
            "kind=PAYMENT",
            "currency=KWD",
            "currency=EUR",
            "accountId=a17",
            "merchantRefNum=order-4711",
            "q=p4711",
            "q=order-",
            "q=nothing",
            "startDate=2023-11-14&endDate=2023-11-15",
            "sort=transactionTime",
            "sort=-statusTime",
            "sort=-amount&currency=KWD",
        ] {
            let data = platform.get(&format!("/api/v1/transactions?{filter}{company}")).await;
            let total = data["pagination"]["total"].as_u64().unwrap();
            assert!(total <= 10_000, "{filter}: {total}");
            let found = (company.is_empty()).then(|| known.iter().find(|(known, _)| *known == filter)).flatten();
            assert!(found.is_none_or(|(_, rows)| *rows == total), "{filter}: {total}");
            capped += i64::from(total == 10_000);
            assert_eq!(data["pagination"]["totalIsExact"], total < 10_000, "{filter}");
        }
    }
    // In another order than that of time come the newest that are counted.
    for (order, first) in [("amount", 50_001), ("-amount", 60_000)] {
        let data = platform.get(&format!("/api/v1/transactions?sort={order}")).await;
        assert_eq!(data["transactions"][0]["amount"], first, "{order}");
        assert_eq!(data["pagination"]["totalIsExact"], false);
        capped += 1;
    }
    // Totals of what no roll-up knows add up no more rows than are counted.
    for (filter, rows) in [
        ("accountId=a17", 20),
        ("merchantRefNum=order-4711", 1),
        ("q=p4711", 11),
        ("accountId=a17&company=c18", 20),
        ("amountMin=1&currency=EUR", 10_000),
        ("q=order-", 10_000),
    ] {
        let totals = platform.get(&format!("/api/v1/transactions/totals?{filter}")).await;
        assert_eq!((&totals["count"], &totals["isExact"]), (&rows.into(), &(rows < 10_000).into()), "{filter}: {totals}");
        capped += i64::from(rows == 10_000);
    }
    // The connection ends, and with it what it has not yet told of its reads.
    platform.terminate(Service::Api).await;
    let read = read_whole(&platform).await - before;
    // A capped count may begin with any rows, since most match; none reads on to the end.
    // By its amount one is looked for among nearly all rows that there are here.
    let most = capped * 11_000 + i64::from(ROWS);
    assert!(read <= most, "{read} rows were read without an index, for {capped} capped counts");
    assert!(capped < 14, "most filters count exactly: {capped} did not");
}

#[tokio::test]
async fn what_no_index_knows_is_found_page_after_page_however_far_it_is() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    fill(&platform).await;
    platform.run(Service::Api).await;
    // The oldest, behind more rows than one page looks through.
    for (order, expected, pages) in [("-transactionTime", [5, 4, 3, 2, 1], 6), ("transactionTime", [1, 2, 3, 4, 5], 6)] {
        let (mut found, mut seen, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let path = format!("/api/v1/transactions?amountMax=5&currency=EUR&sort={order}{cursor}");
            let data = platform.get(&path).await;
            found.extend(data["transactions"].as_array().unwrap().iter().map(|row| row["amount"].as_i64().unwrap()));
            seen += 1;
            assert_eq!(data["pagination"]["totalIsExact"], false, "{path}");
            let Some(next) = data["pagination"]["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!((found.as_slice(), seen), (&expected[..], pages), "{order}");
    }
    // Of a company that has fewer rows all of them are looked through.
    let data = platform.get("/api/v1/transactions?paymentMethod=SEPA&company=c7").await;
    assert_eq!((&data["pagination"]["total"], &data["pagination"]["totalIsExact"]), (&0.into(), &true.into()));
    assert!(data["pagination"]["nextCursor"].is_null());
    let totals = platform.get("/api/v1/transactions/totals?amountMax=5&currency=EUR").await;
    assert_eq!((&totals["count"], &totals["isExact"]), (&0.into(), &false.into()), "{totals}");
}

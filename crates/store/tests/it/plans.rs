//! SQLite reads pages by an index, in their order.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::Database;

#[tokio::test]
async fn sqlite_has_an_index_for_each_filter_of_a_company() {
    let database = Database::sqlite().await;
    let page = "AND mode = 'live' ORDER BY transaction_time DESC, id DESC LIMIT 20";
    let look_up = "LIMIT 1001";
    for (filter, rest, index) in [
        ("", page, "transactions_time"),
        ("AND status = 'RETURNED' AND status <> 'COMPLETED'", page, "transactions_"),
        ("AND kind = 'REFUND' AND kind <> 'PAYMENT'", page, "transactions_"),
        ("AND currency = 'KWD'", page, "transactions_"),
        ("AND account_id = 'a'", page, "transactions_account"),
        ("AND merchant_ref_num = 'a'", look_up, "transactions_reference"),
        ("AND merchant_ref_num >= 'p1' AND merchant_ref_num < 'p2'", look_up, "transactions_reference"),
    ] {
        let plan = plan(&database, &format!("SELECT id FROM transactions WHERE company_id = x'00' {filter} {rest}")).await;
        assert!(plan.contains(&format!("INDEX {index}")) && !plan.contains("SCAN"), "{filter}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{filter}: {plan}");
    }
}

#[tokio::test]
async fn sqlite_searches_by_the_beginning_of_an_id_in_the_directory() {
    let database = Database::sqlite().await;
    let wanted = "company_id = x'00' AND kind IN ('PAYMENT', 'REFUND') AND external_id >= 'p1' AND external_id < 'p2'";
    let plan = plan(&database, &format!("SELECT transaction_id FROM transaction_keys WHERE {wanted} LIMIT 1001")).await;
    assert!(plan.contains("(company_id=? AND kind=? AND external_id>? AND external_id<?)"), "{plan}");
}

#[tokio::test]
async fn sqlite_reads_the_newest_events_of_a_company_by_an_index_and_no_others() {
    let database = Database::sqlite().await;
    let rest = "received_at >= 5 ORDER BY received_at DESC, id DESC LIMIT 10000";
    for (company, index) in [("company_id = x'00' AND", "webhook_events_received"), ("", "webhook_events_all_received")] {
        let plan = plan(&database, &format!("SELECT status_time, mode FROM webhook_events WHERE {company} {rest}")).await;
        assert!(plan.contains(&format!("SEARCH webhook_events USING INDEX {index}")) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

async fn plan(database: &Database, select: &str) -> String {
    let sql = format!("EXPLAIN QUERY PLAN {select}");
    let rows = database.db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    plan.join("; ")
}

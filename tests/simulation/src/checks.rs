//! What must hold once everything is told and done.

use std::collections::BTreeMap;

use common::CompanyId;
use interleavings::redis::Value as Kept;
use queue::{DeadQuery, Queue};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter};
use store::entity::{transaction, webhook_event};

use crate::{
    redis,
    setup::Setup,
    story::{self, Fate, Webhook},
};

/// How many transactions each company has; none where the database has not its tables now.
pub async fn transactions(db: &DatabaseConnection, companies: [CompanyId; 2]) -> Option<[u64; 2]> {
    let mut counts = [0; 2];
    for (company, count) in companies.iter().zip(&mut counts) {
        let own = transaction::Entity::find().filter(transaction::Column::CompanyId.eq(company.0));
        *count = own.count(db).await.ok()?;
    }
    Some(counts)
}

/// Every webhook is stored exactly once, or is a dead letter where it cannot be read; nothing else is there.
///
/// # Panics
///
/// Where it is not so.
pub async fn stored(db: &DatabaseConnection, queue: &Queue, setup: &Setup, webhooks: &[Webhook]) {
    let company = |of: usize| setup.companies[of].0;
    let mut expected: BTreeMap<(uuid::Uuid, String, String, i64), i64> = BTreeMap::new();
    for webhook in webhooks.iter().filter(|webhook| matches!(webhook.fate, Fate::Stored | Fate::Poison)) {
        let key = (company(webhook.company), webhook.transaction.clone(), webhook.name.clone(), webhook.status_ms);
        *expected.entry(key).or_default() += 1;
    }
    let mut found = BTreeMap::new();
    for row in webhook_event::Entity::find().all(db).await.expect("the database answers") {
        let key = (row.company_id, row.resource_id.unwrap_or_default(), row.name, row.status_time);
        *found.entry(key).or_default() += 1;
    }
    compare("stored webhooks", &expected, &found);
    let told = webhooks.iter().filter(|webhook| matches!(webhook.fate, Fate::Stored | Fate::Poison));
    let states = story::states(told).into_iter().map(|((of, id), status)| ((company(of), id), status.to_owned())).collect();
    let rows = transaction::Entity::find().all(db).await.expect("the database answers");
    let rows = rows.into_iter().map(|row| ((row.company_id, row.external_id), row.status)).collect();
    compare("transactions", &states, &rows);
    let query = DeadQuery { limit: 1_000, ..DeadQuery::default() };
    let dead = queue.dead_letters(&query, |_| true).await.expect("Redis answers");
    let mut letters: Vec<String> =
        dead.letters.iter().map(|letter| String::from_utf8_lossy(&letter.payload).into_owned()).collect();
    for webhook in webhooks.iter().filter(|webhook| webhook.fate == Fate::Unreadable) {
        let at = letters.iter().position(|letter| letter.contains(&webhook.transaction));
        let at = at.unwrap_or_else(|| panic!("no dead letter has {:?}: {letters:?}", webhook.body));
        letters.swap_remove(at);
    }
    assert!(letters.is_empty(), "dead letters that nobody expects: {letters:?}");
}

fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
) {
    let wrong: Vec<_> = expected.iter().filter(|(key, value)| found.get(key) != Some(value)).collect();
    let others: Vec<_> = found.iter().filter(|(key, value)| expected.get(key) != Some(value)).collect();
    assert!(wrong.is_empty() && others.is_empty(), "{what}: expected {wrong:?}, found {others:?}");
}

/// The figures are what a recount gives.
///
/// # Panics
///
/// Where they are not.
pub async fn figures(db: &DatabaseConnection) {
    let verified = store::verify::verify(db).await.expect("the database answers");
    assert!(verified.differences.is_empty(), "figures differ from a recount: {:?}", verified.differences);
}

/// Of the queue nothing is left but `dead` dead letters, claims and counters.
///
/// # Panics
///
/// Where more is left.
pub fn queue_is_empty(dead: usize) {
    redis::with(|server| {
        let (mut records, mut letters) = (0, 0);
        for (key, value) in server.data().values() {
            let key = String::from_utf8_lossy(key);
            let Some((_, part)) = key.strip_prefix("{netbanx:").and_then(|rest| rest.split_once("}:")) else { continue };
            let size = match value {
                Kept::Hash(hash) => hash.len(),
                Kept::Sorted(set) => set.len(),
                Kept::List(list) => list.len(),
                Kept::Text(_) => 1,
            };
            match part {
                "data" => records += size,
                "dead" | "dead:others" => letters += size,
                "active" | "active:others" | "scheduled" | "scheduled:others" | "inflight" | "inflight:others"
                | "inflight:owners" | "paused" => panic!("{key} still has {size}: {value:?}"),
                "meta:attempts" => panic!("attempts are still counted: {value:?}"),
                _ => {}
            }
        }
        assert_eq!((records, letters), (dead, dead), "records and dead letters");
    });
}

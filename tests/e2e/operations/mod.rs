//! Every operation of the contract, asked by everyone there is: the table says what each of them finds.

mod table;
mod world;

use std::collections::BTreeSet;

use serde_json::Value;

use table::{Foreign, Row, TABLE, Who};
use world::{Asker, World};

#[tokio::test]
async fn every_operation_is_for_those_whom_the_table_names() {
    let world = World::new().await;
    let document = world.get("/api/openapi.json").await;
    let documented = operations(&document);
    let rows: BTreeSet<(String, String)> = TABLE.iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    let missing: Vec<_> = documented.difference(&rows).collect();
    assert!(missing.is_empty(), "operations without a row in tests/e2e/operations/table.rs: {missing:?}");
    let gone: Vec<_> = rows.difference(&documented).collect();
    assert!(gone.is_empty(), "rows without an operation: {gone:?}");

    let mut wrong = Vec::new();
    for row in TABLE {
        for asker in &world.askers {
            wrong.extend(asked(&world, row, asker).await);
        }
        wrong.extend(asked_by_foreigner(&world, row, takes_company(&document, row)).await);
    }
    assert!(wrong.is_empty(), "{} answers differ from the table:\n{}", wrong.len(), wrong.join("\n"));
}

/// The methods and paths of the document.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone())));
    all.collect()
}

/// Whether an operation may be asked for one company by its name.
fn takes_company(document: &Value, row: &Row) -> bool {
    let operation = &document["paths"][row.path][row.method.to_lowercase()];
    operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "company"))
}

/// What is wrong with the answer to somebody of the company, or to nobody.
async fn asked(world: &World, row: &Row, asker: &Asker) -> Option<String> {
    let may = match row.who {
        Who::Everyone => true,
        Who::Anyone => asker.is_known(),
        Who::Person => asker.is_person(),
        Who::With(permissions) => permissions.iter().all(|permission| asker.may(permission)),
    };
    let expected = match (may, asker.is_known()) {
        (true, _) => row.done,
        (false, true) => 403,
        (false, false) => 401,
    };
    // What one may do changes the thing it is done to: each gets a new one.
    let path = world.path(row, may).await;
    let (status, body) = world.ask(row, &path, asker).await;
    if status == expected && (may || is_problem(&body, status)) {
        return None;
    }
    Some(format!("{} {} by {}: {status}, not {expected}: {:.300}", row.method, row.path, asker.name, body))
}

/// What is wrong with the answers to somebody of another company, who has every permission there.
async fn asked_by_foreigner(world: &World, row: &Row, takes_company: bool) -> Vec<String> {
    let path = world.path(row, true).await;
    let mut asked = vec![(path.clone(), row.foreign)];
    if takes_company && row.foreign == Foreign::Own {
        asked.push((format!("{path}?company=acme"), Foreign::Forbidden));
        asked.push((format!("{path}?company={}", world.company), Foreign::Forbidden));
    }
    let mut wrong = Vec::new();
    for (path, foreign) in asked {
        let (status, body) = world.ask(row, &path, &world.foreigner).await;
        // What concerns the whole platform is not theirs either.
        let is_theirs = match row.who {
            Who::With(permissions) => permissions.iter().all(|permission| world.foreigner.may(permission)),
            Who::Everyone | Who::Anyone => true,
            Who::Person => world.foreigner.is_person(),
        };
        let expected = match foreign {
            Foreign::Own if is_theirs => row.done,
            Foreign::Own | Foreign::Forbidden => 403,
            Foreign::NotFound => 404,
        };
        if status != expected {
            wrong.push(format!("{} {path} by a foreigner: {status}, not {expected}: {body:.300}", row.method));
        }
        // What everyone may do, they do as whoever the body names.
        let marks = world.marks.iter().filter(|_| row.who != Who::Everyone);
        let leaked: Vec<&String> = marks.filter(|mark| body.contains(mark.as_str())).collect();
        if !leaked.is_empty() {
            wrong.push(format!("{} {path} tells a foreigner {leaked:?}: {body:.300}", row.method));
        }
        let count = &serde_json::from_str::<Value>(&body).unwrap_or_default()["count"];
        if count.as_u64().is_some_and(|count| count > 0) {
            wrong.push(format!("{} {path}: a foreigner did it to {count} things", row.method));
        }
    }
    wrong
}

fn is_problem(body: &str, status: u16) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["status"] == status && body["type"].as_str().is_some_and(|kind| kind.starts_with("urn:netbanx:problem:"))
}

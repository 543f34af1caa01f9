//! Years: the real programs on a clock that is moved through months, a leap day, changes of summer time and a year's end, and back
//! by an hour and by a day. In short here; `YEARS=full` (`make years`) goes through 400 days.

mod life;
mod limits;
mod model;
mod sending;

use chrono::{DateTime, Duration, Utc};
use e2e::{Database, Service};
use life::Life;

/// How time goes on.
#[derive(Clone, Copy)]
enum Step {
    To(&'static str),
    /// The clock is set back by so many hours.
    Back(i64),
}

use Step::{Back, To};

/// 400 days: changes of summer time in Toronto and London, each month, a year's end and a leap day.
const FULL: (&str, &[Step]) = (
    "2027-03-10T12:00:00Z",
    &[
        To("2027-03-14T07:10:00Z"),
        Back(1),
        To("2027-03-28T01:05:00Z"),
        To("2027-04-27T09:00:00Z"),
        To("2027-05-27T10:00:00Z"),
        To("2027-06-26T11:00:00Z"),
        Back(24),
        To("2027-07-26T12:00:00Z"),
        To("2027-08-25T13:00:00Z"),
        To("2027-09-24T14:00:00Z"),
        To("2027-10-24T15:00:00Z"),
        To("2027-10-31T01:05:00Z"),
        To("2027-11-07T06:10:00Z"),
        To("2027-12-05T16:00:00Z"),
        To("2027-12-31T23:50:00Z"),
        To("2028-01-01T00:20:00Z"),
        Back(1),
        To("2028-01-31T18:00:00Z"),
        To("2028-02-29T12:00:00Z"),
        Back(24),
        To("2028-03-12T07:10:00Z"),
        To("2028-03-26T01:05:00Z"),
        To("2028-04-14T12:00:00Z"),
    ],
);

/// The same in short: a year's end, a leap day, both steps back.
const SHORT: (&str, &[Step]) = (
    "2027-12-05T16:00:00Z",
    &[
        To("2028-01-01T00:20:00Z"),
        Back(1),
        To("2028-01-31T18:00:00Z"),
        To("2028-02-29T12:00:00Z"),
        Back(24),
        To("2028-03-26T01:05:00Z"),
    ],
);

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A platform lives through all of it. `histories` tells for how many days webhooks are kept (0: for ever): at first, from half of it on, and from three
/// quarters on.
async fn live(database: Database, histories: [i64; 3]) {
    let (start, steps) = if std::env::var("YEARS").is_ok_and(|form| form == "full") { FULL } else { SHORT };
    let mut life = Life::begin(database, moment(start), histories[0]).await;
    life.fresh().await;
    life.written().await;
    life.tells_the_truth().await;
    for (n, step) in steps.iter().enumerate() {
        match step {
            To(time) => life.clock.set(moment(time)),
            Back(hours) => go_back(&mut life, *hours).await,
        }
        // Those that run are told nothing of it.
        life.fresh().await;
        life.written().await;
        life.tells_the_truth().await;
        if n == steps.len() / 2 {
            life.keep(histories[1]);
        } else if n == steps.len() * 3 / 4 {
            life.keep(histories[2]);
        }
        life.new_worker(n % 2 == 0).await;
        if n % 3 == 1 {
            life.new_doors().await;
        }
        life.retained().await;
        life.new_worker(n % 2 == 1).await;
        life.late().await;
        life.written().await;
        life.tells_the_truth().await;
        life.counts_what_it_cannot_read().await;
    }
    life.platform.netbanx(&["audit", "verify"]);
}

/// The clock goes back while webhooks are accepted that nobody has written yet.
async fn go_back(life: &mut Life, hours: i64) {
    life.platform.terminate(Service::Worker).await;
    life.fresh().await;
    life.clock.pass(-Duration::hours(hours));
    life.platform.run(Service::Worker).await;
    life.written().await;
    life.holds_what_it_should().await;
}

#[tokio::test]
async fn years_pass_and_nothing_is_lost_sqlite() {
    live(Database::Sqlite, [0; 3]).await;
}

#[tokio::test]
async fn years_pass_and_nothing_is_lost_postgres() {
    live(Database::Postgres, [0; 3]).await;
}

#[tokio::test]
async fn years_pass_and_what_is_too_old_goes_sqlite() {
    live(Database::Sqlite, [45, 0, 32]).await;
}

#[tokio::test]
async fn years_pass_and_what_is_too_old_goes_postgres() {
    live(Database::Postgres, [45, 0, 32]).await;
}

//! `netbanx rollup`: are the figures what the stored webhooks say?

use clap::Subcommand;
use serde_json::{Value, json};
use settings::Settings;
use store::{
    horizon::Horizons,
    rollups,
    verify::{self, Difference, Unproven},
};

use crate::Error;

/// Differences that are shown.
const SHOWN: usize = 100;

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum RollupCommand {
    /// Count the stored webhooks again and report every difference; ends with a failure where there is one.
    Verify,
    /// Write the figures again from the stored webhooks, while everything goes on.
    Rebuild,
}

pub(crate) async fn run(command: RollupCommand, as_json: bool) -> Result<(), Error> {
    let settings = Settings::load()?;
    let db = store::connect(&settings.database_url, 3).await?;
    match command {
        RollupCommand::Verify => {
            let verified = verify::verify(&db).await?;
            let found = &verified.differences;
            let shown: Vec<Value> = found.iter().take(SHOWN).map(view).collect();
            if as_json {
                let (unproven, horizons) = (unproven(verified.unproven), horizons(verified.horizons));
                outln!("{}", json!({"differences": found.len(), "shown": shown, "unproven": unproven, "horizons": horizons}));
            } else {
                for difference in shown {
                    outln!("{difference}");
                }
                outln!("{} differences", found.len());
                if verified.unproven != Unproven::default() {
                    let Unproven { minutes, hours, days, transactions } = verified.unproven;
                    outln!(
                        "unproven, since webhooks were removed: {minutes} sums of minutes, {hours} of hours, {days} of days; \
                         {transactions} transactions taken as they are stored"
                    );
                }
            }
            if found.is_empty() {
                Ok(())
            } else {
                Err(Error::Refused(format!("{} buckets are not what they should be", found.len())))
            }
        }
        RollupCommand::Rebuild => {
            let buckets = verify::rebuild(&db).await?;
            if as_json {
                outln!("{}", json!({"buckets": buckets}));
            } else {
                outln!("{buckets} buckets written");
            }
            Ok(())
        }
    }
}

fn view(difference: &Difference) -> Value {
    let company = (difference.company != rollups::ALL).then_some(difference.company.0);
    json!({
        "company": company, "grain": difference.grain.as_str(), "mode": difference.mode.as_str(), "bucketMs": difference.bucket_ms,
        "series": difference.series, "keptCount": difference.kept.count, "countedCount": difference.counted.count,
        "keptAmount": narrowed(difference.kept.amount), "countedAmount": narrowed(difference.counted.amount),
    })
}

/// Within what JSON's integers are read as.
fn narrowed(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })
}

fn unproven(counts: Unproven) -> Value {
    let Unproven { minutes, hours, days, transactions } = counts;
    json!({"minutes": minutes, "hours": hours, "days": days, "transactions": transactions})
}

fn horizons(horizons: Horizons) -> Value {
    json!({"webhooksMs": horizons.webhooks, "minuteMs": horizons.minute, "hourMs": horizons.hour})
}

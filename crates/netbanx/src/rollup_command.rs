//! `netbanx rollup`: are the figures what the stored webhooks say?

use clap::Subcommand;
use serde_json::{Value, json};
use settings::Settings;
use store::{
    recount::{self, Difference},
    rollups,
};

use crate::Error;

/// Differences that are shown.
const SHOWN: usize = 100;

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum RollupCommand {
    /// Count the stored webhooks anew and report every difference; ends with a failure where there is one.
    Verify,
    /// Write the figures anew from the stored webhooks, while everything goes on.
    Rebuild,
}

pub(crate) async fn run(command: RollupCommand, as_json: bool) -> Result<(), Error> {
    let settings = Settings::load()?;
    let db = store::connect(&settings.database_url, 3).await?;
    let horizon = settings.ages().horizon_ms();
    match command {
        RollupCommand::Verify => {
            let found = recount::verify(&db, horizon).await?;
            let shown: Vec<Value> = found.iter().take(SHOWN).map(view).collect();
            if as_json {
                println!("{}", json!({"differences": found.len(), "shown": shown}));
            } else {
                for difference in shown {
                    println!("{difference}");
                }
                println!("{} differences", found.len());
            }
            if found.is_empty() {
                Ok(())
            } else {
                Err(Error::Refused(format!("{} buckets are not what they should be", found.len())))
            }
        }
        RollupCommand::Rebuild => {
            let buckets = recount::rebuild(&db, horizon).await?;
            if as_json {
                println!("{}", json!({"buckets": buckets}));
            } else {
                println!("{buckets} buckets written");
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
        "keptAmount": difference.kept.amount, "countedAmount": difference.counted.amount,
    })
}

//! `make chaos`: hundreds of faults by a seed, on both databases and on one Redis and a cluster. Ends with a failure where a promise is
//! broken; the same seed gives the same plan.

use clap::Parser;
use e2e::{
    Database,
    chaos::{Plan, Stores, chaos},
};

/// Tries what the platform promises while its processes and stores fail.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Options {
    /// Tells the plan; absent: one by chance, which is printed.
    #[arg(long, env = "SEED")]
    seed: Option<u64>,
    /// Faults on each database.
    #[arg(long, env = "FAULTS", default_value_t = 150)]
    faults: usize,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(rand::random);
    for database in [Database::Postgres, Database::Sqlite] {
        let plan = Plan::new(seed, options.faults, Stores::with(database));
        let history = chaos(database, &plan).await;
        println!("{database:?}: {} faults: {history:?}", plan.steps.len());
    }
    println!("nothing was lost, doubled, miscounted, shown to another, or older than is promised");
}

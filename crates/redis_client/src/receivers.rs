use fred::{clients::Client, interfaces::KeysInterface};

use crate::Error;

/// The number that is part of every key under which something is known of receivers. It never ends: one
/// number for each queue.
pub fn receivers_version_key(queue_name: &str) -> String {
    format!("{queue_name}:receivers:version")
}

/// Makes every replica of ingress forget what it knows of receivers, within a second. To be called when
/// keys, companies or assignments of accounts have changed.
pub async fn receivers_changed(redis: &Client, queue_name: &str) -> Result<(), Error> {
    let _: i64 = redis.incr(receivers_version_key(queue_name)).await?;
    Ok(())
}

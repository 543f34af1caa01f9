//! What fuzzers and explorers of schedules reach that nobody else does.

use redis_client::fred::bytes::Bytes;

use crate::{Lane, NewJob, keys::ShardKeys, lz4_dict::Encoder, record, scripts::Scripts};

/// Reads `bytes` as a record, then packs them as a payload in both forms: that is read as it was.
///
/// # Panics
///
/// Where it is not.
#[allow(clippy::panic, clippy::expect_used, reason = "to be found by a fuzzer")]
pub fn record(bytes: &[u8], dictionary: &'static [u8]) {
    if let Ok(job) = record::decode("j".into(), 0, &Bytes::copy_from_slice(bytes), dictionary) {
        let _ = job.payload.read(&mut Vec::new()).map(<[u8]>::len);
    }
    let payload = bytes.to_vec();
    let job = NewJob { id: "j".into(), claim: "c".into(), lane: Lane::High, flow: 7, traceparent: None, payload };
    for dictionary in [None, Some(dictionary)] {
        let mut packed = Vec::new();
        record::encode(&job, 1, dictionary, &mut Encoder::new(), &mut packed);
        let read = record::decode("j".into(), 0, &packed.into(), dictionary.unwrap_or_default()).expect("our own is read");
        assert!(read.payload.read(&mut Vec::new()).expect("our own is unpacked") == bytes, "it comes back as it was");
    }
}

/// The text of each script of a shard, by its name, and the keys that it is called with: those of shard 0 of the queue `q`.
pub fn scripts() -> Vec<(&'static str, &'static str, Vec<String>)> {
    let (all, keys) = (Scripts::load(), ShardKeys::new("q", 0));
    let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<String>>();
    let (of_enqueue, of_shard, of_claims) =
        (owned(&keys.of_enqueue()), owned(&keys.of_shard()), owned(&keys.of_shard_and_claims()));
    vec![
        ("enqueue", all.enqueue.text(), of_enqueue),
        ("enqueue_dead", all.enqueue_dead.text(), of_claims.clone()),
        ("fetch", all.fetch.text(), of_shard.clone()),
        ("ack", all.ack.text(), of_shard.clone()),
        ("fail", all.fail.text(), of_shard.clone()),
        ("renew", all.renew.text(), of_shard.clone()),
        ("release", all.release.text(), of_shard.clone()),
        ("stats", all.stats.text(), of_shard.clone()),
        ("redrive", all.redrive.text(), of_shard.clone()),
        ("discard", all.discard.text(), of_claims.clone()),
        ("expired", all.expired.text(), of_shard.clone()),
        ("forget", all.forget.text(), of_claims),
        ("replace_dead", all.replace_dead.text(), of_shard),
    ]
}

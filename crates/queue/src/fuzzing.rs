//! What the fuzzers reach that nobody else does.

use redis_client::fred::bytes::Bytes;

use crate::{Lane, NewJob, lz4_dict::Encoder, record};

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

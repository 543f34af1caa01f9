//! How a job lies in Redis: `lane|enqueued ms|traceparent|flow|form` in the first line, then the
//! payload, as it is or, where that is shorter, as an LZ4 block with its length before: by itself
//! (form `z`) or behind the queue's dictionary (form `d`). The scripts read the line too.

use std::{io::Write, str::FromStr};

use lz4_flex::block::{
    compress_into, compress_into_with_dict, decompress, decompress_with_dict, get_maximum_output_size, uncompressed_size,
};
use redis_client::fred::bytes::Bytes;

use crate::{Error, Lane, NewJob};

/// Longest payload that is unpacked, in bytes: far above what is taken in.
const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// Bytes of the first line, or somewhat more.
const HEAD: usize = 128;

/// A job that a worker holds.
#[derive(Debug, Clone)]
pub struct LeasedJob {
    /// Its id.
    pub id: String,
    /// The shard that it lies in.
    pub shard: usize,
    /// Its lane.
    pub lane: Lane,
    /// Attempts that failed before this one.
    pub failed_attempts: u32,
    /// How often its worker died or hung with it.
    pub takeovers: u32,
    /// When it was enqueued, in milliseconds since 1970 UTC, by the producer's clock.
    pub enqueued_ms: i64,
    /// W3C trace context of the request that made it.
    pub traceparent: Option<String>,
    /// What the producer gave.
    pub payload: Bytes,
}

/// How jobs are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// Each by itself: for a queue that is also read by who does not know the dictionary.
    Alone,
    /// Behind the queue's dictionary.
    #[default]
    Dictionary,
}

impl FromStr for Packing {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "alone" => Ok(Self::Alone),
            "dictionary" => Ok(Self::Dictionary),
            _ => Err("is neither alone nor dictionary"),
        }
    }
}

/// `job` as it lies in Redis, packed with `dictionary` if there is one.
pub(crate) fn encode(job: &NewJob, now_ms: i64, dictionary: Option<&[u8]>) -> Bytes {
    let mut record = Vec::with_capacity(HEAD + 4 + get_maximum_output_size(job.payload.len()));
    let trace = job.traceparent.as_deref().unwrap_or("");
    // Writing to memory does not fail.
    let _ = write!(record, "{}|{now_ms}|{trace}|{:x}|", job.lane.code(), job.flow);
    let end = record.len();
    record.extend_from_slice(if dictionary.is_some() { b"d\n" } else { b"z\n" });
    if !pack(&job.payload, &mut record, dictionary) || record.len() - end > job.payload.len() + 1 {
        record.truncate(end);
        record.push(b'\n');
        record.extend_from_slice(&job.payload);
    }
    record.into()
}

/// Adds `payload` as an LZ4 block with its length before; not if it is too long.
fn pack(payload: &[u8], record: &mut Vec<u8>, dictionary: Option<&[u8]>) -> bool {
    let Ok(length) = u32::try_from(payload.len()) else { return false };
    record.extend_from_slice(&length.to_le_bytes());
    let begin = record.len();
    record.resize(begin + get_maximum_output_size(payload.len()), 0);
    let packed = record.get_mut(begin..).and_then(|place| match dictionary {
        Some(dictionary) => compress_into_with_dict(payload, place, dictionary).ok(),
        None => compress_into(payload, place).ok(),
    });
    record.truncate(begin + packed.unwrap_or(0));
    packed.is_some()
}

/// The job in `record`, whose queue has that dictionary.
pub(crate) fn decode(id: String, shard: usize, record: &Bytes, dictionary: &[u8]) -> Result<LeasedJob, Error> {
    const BAD: Error = Error::Protocol("a record without its first line");
    let end = record.iter().position(|b| *b == b'\n').ok_or(BAD)?;
    let line = record.get(..end).and_then(|l| std::str::from_utf8(l).ok()).ok_or(BAD)?;
    let mut parts = line.split('|');
    let lane = parts.next().and_then(Lane::from_code).ok_or(BAD)?;
    let enqueued_ms = parts.next().and_then(|ms| ms.parse().ok()).ok_or(BAD)?;
    let traceparent = parts.next().filter(|t| !t.is_empty()).map(str::to_owned);
    let payload = record.slice(end + 1..);
    let payload = match parts.nth(1) {
        Some("z") => unpack(&payload, b"")?,
        Some("d") => unpack(&payload, dictionary)?,
        _ => payload,
    };
    Ok(LeasedJob { id, shard, lane, failed_attempts: 0, takeovers: 0, enqueued_ms, traceparent, payload })
}

fn unpack(packed: &[u8], dictionary: &[u8]) -> Result<Bytes, Error> {
    const BAD: Error = Error::Protocol("a packed record that cannot be unpacked");
    let (length, block) = uncompressed_size(packed).map_err(|_| BAD)?;
    if length > MAX_PAYLOAD {
        return Err(BAD);
    }
    let payload = if dictionary.is_empty() { decompress(block, length) } else { decompress_with_dict(block, length, dictionary) };
    Ok(payload.map_err(|_| BAD)?.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const DICTIONARY: &[u8] = br#""a":"the same text","#;

    fn job(payload: &[u8], traceparent: Option<&str>) -> NewJob {
        NewJob {
            id: "j".into(),
            claim: "c".into(),
            lane: Lane::Others,
            flow: 0,
            traceparent: traceparent.map(str::to_owned),
            payload: payload.to_vec(),
        }
    }

    #[test]
    fn a_record_round_trips() {
        let long = br#"{"a":"the same text","b":"the same text","c":"the same text"}"#.repeat(2);
        for (traceparent, payload) in [(None, &b"a|b\nc"[..]), (Some("00-aa-bb-01"), &b""[..]), (Some("00-aa-bb-01"), &long[..])]
        {
            let [alone, packed] = [None, Some(DICTIONARY)].map(|dictionary| {
                let record = encode(&job(payload, traceparent), 17, dictionary);
                let back = decode("j".into(), 3, &record, DICTIONARY).unwrap();
                assert_eq!(
                    (back.lane, back.enqueued_ms, back.traceparent.as_deref(), &back.payload[..]),
                    (Lane::Others, 17, traceparent, payload)
                );
                record.len()
            });
            let is_long = payload.len() > 32;
            assert_eq!((alone < payload.len(), packed < alone), (is_long, is_long), "{alone}, {packed}");
        }
    }

    proptest! {
        /// Payloads of any length, much or little like the dictionary.
        #[test]
        fn any_payload_comes_back(pieces in vec((0..DICTIONARY.len(), vec(any::<u8>(), 0..12)), 0..400)) {
            let payload: Vec<u8> =
                pieces.iter().flat_map(|(from, random)| DICTIONARY.iter().skip(*from).chain(random)).copied().collect();
            for dictionary in [None, Some(DICTIONARY)] {
                let record = encode(&job(&payload, None), 17, dictionary);
                prop_assert_eq!(&decode("j".into(), 3, &record, DICTIONARY).unwrap().payload[..], &payload[..]);
            }
        }
    }

    #[test]
    fn a_record_of_another_dictionary_is_refused() {
        let record = encode(&job(br#"{"a":"the same text","b":"the same text"}"#, None), 17, Some(DICTIONARY));
        assert!(decode("j".into(), 0, &record, b"").is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        let huge = [b"p|1||0|z\n".as_slice(), &u32::MAX.to_le_bytes(), b"x"].concat();
        for bad in [&b"nonsense"[..], b"x|1||0|\n", b"p|x||0|\n", b"p|1||0|z\nab", b"p|1||0|d\nab", &huge] {
            assert!(decode("j".into(), 0, &Bytes::copy_from_slice(bad), DICTIONARY).is_err());
        }
        // What a version before this one wrote.
        assert_eq!(&decode("j".into(), 0, &Bytes::from_static(b"p|1|\nx"), b"").unwrap().payload[..], b"x");
    }
}

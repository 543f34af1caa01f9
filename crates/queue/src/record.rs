//! How a job lies in Redis: `lane|enqueued ms|traceparent` in the first line, then the payload.

use fred::bytes::Bytes;

use crate::{Error, Lane, NewJob};

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
    /// When it was enqueued, in milliseconds since 1970 UTC, by the producer's clock.
    pub enqueued_ms: i64,
    /// W3C trace context of the request that made it.
    pub traceparent: Option<String>,
    /// What the producer gave.
    pub payload: Bytes,
}

pub(crate) fn encode(job: &NewJob, now_ms: i64) -> Bytes {
    let trace = job.traceparent.as_deref().unwrap_or("");
    let mut record = Vec::with_capacity(job.payload.len() + trace.len() + 20);
    record.extend_from_slice(format!("{}|{now_ms}|{trace}\n", job.lane.code()).as_bytes());
    record.extend_from_slice(&job.payload);
    record.into()
}

/// Lane and time of a record that may be cut short.
pub(crate) fn head(record: &[u8]) -> Option<(Lane, i64)> {
    let line = record.split(|b| *b == b'\n').next()?;
    let mut parts = std::str::from_utf8(line).ok()?.split('|');
    Some((Lane::from_code(parts.next()?)?, parts.next()?.parse().ok()?))
}

pub(crate) fn decode(id: String, shard: usize, failed_attempts: u32, record: &Bytes) -> Result<LeasedJob, Error> {
    const BAD: Error = Error::Protocol("a record without its first line");
    let end = record.iter().position(|b| *b == b'\n').ok_or(BAD)?;
    let line = record.get(..end).and_then(|l| std::str::from_utf8(l).ok()).ok_or(BAD)?;
    let (lane, enqueued_ms) = head(line.as_bytes()).ok_or(BAD)?;
    let traceparent = line.split('|').nth(2).filter(|t| !t.is_empty()).map(str::to_owned);
    Ok(LeasedJob { id, shard, lane, failed_attempts, enqueued_ms, traceparent, payload: record.slice(end + 1..) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_round_trips() {
        for traceparent in [None, Some("00-aa-bb-01".to_owned())] {
            let job = NewJob {
                id: "j".into(),
                claim: "c".into(),
                lane: Lane::Others,
                shard_key: 0,
                traceparent: traceparent.clone(),
                payload: b"a|b\nc".to_vec(),
            };
            let back = decode("j".into(), 3, 1, &encode(&job, 17)).unwrap();
            assert_eq!(
                (back.lane, back.enqueued_ms, back.traceparent, &back.payload[..]),
                (Lane::Others, 17, traceparent, &b"a|b\nc"[..])
            );
        }
        assert!(decode("j".into(), 0, 0, &Bytes::from_static(b"nonsense")).is_err());
    }
}

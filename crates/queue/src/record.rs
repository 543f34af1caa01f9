//! How a job is stored in Redis: `lane|enqueued ms|traceparent|flow|form` in the first line, then the
//! payload, as it is or, where that is shorter, as an LZ4 block with its length before: by itself
//! (form `z`) or behind the queue's dictionary (form `d`). The scripts read the line too.

use std::{io::Write, str::FromStr};

use lz4_flex::block::{compress, decompress_into, decompress_into_with_dict, uncompressed_size};
use redis_client::fred::bytes::Bytes;

use crate::{Error, JobId, Lane, NewJob, lz4_dict::Encoder};

/// Longest payload that is unpacked, in bytes: far above what is taken in.
const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// A job that a worker holds.
#[derive(Debug, Clone)]
pub struct LeasedJob {
    /// Its id.
    pub id: JobId,
    /// The shard that it is in.
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
    pub payload: Payload,
}

/// What a job carries, as it is stored in Redis: it is unpacked where it is read, not while it waits for that. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Payload {
    bytes: Bytes,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    Packed,
    PackedBehind(&'static [u8]),
}

impl Payload {
    /// What the producer gave. Anyone who reads several lends the same `place`, whose content is nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] where it cannot be unpacked: no later try can.
    pub fn read<'p>(&'p self, place: &'p mut Vec<u8>) -> Result<&'p [u8], Error> {
        const BAD: Error = Error::Protocol("a packed record that cannot be unpacked");
        let dictionary = match self.form {
            Form::Plain => return Ok(&self.bytes),
            Form::Packed => None,
            Form::PackedBehind(dictionary) => Some(dictionary),
        };
        let (length, block) = uncompressed_size(&self.bytes).map_err(|_| BAD)?;
        if length > MAX_PAYLOAD {
            return Err(BAD);
        }
        if place.len() < length {
            place.resize(length, 0);
        }
        let place = place.get_mut(..length).ok_or(BAD)?;
        let unpacked = match dictionary {
            Some(dictionary) => decompress_into_with_dict(block, place, dictionary),
            None => decompress_into(block, place),
        };
        // Of another length it is none of ours, and what lay in `place` before must not show.
        if unpacked.is_ok_and(|unpacked| unpacked == length) { Ok(place) } else { Err(BAD) }
    }
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

/// Adds `job` to `record` as it is stored in Redis, packed behind `dictionary` if there is one.
pub(crate) fn encode(job: &NewJob, now_ms: i64, dictionary: Option<&'static [u8]>, encoder: &mut Encoder, record: &mut Vec<u8>) {
    let begin = record.len();
    add_line(job, now_ms, if dictionary.is_some() { "d" } else { "z" }, record);
    if add_packed(&job.payload, dictionary, encoder, record).is_none() {
        record.truncate(begin);
        add_line(job, now_ms, "", record);
        record.extend_from_slice(&job.payload);
    }
}

fn add_line(job: &NewJob, now_ms: i64, form: &str, record: &mut Vec<u8>) {
    let trace = job.traceparent.as_deref().unwrap_or("");
    // Writing to memory does not fail.
    let _ = writeln!(record, "{}|{now_ms}|{trace}|{:x}|{form}", job.lane.code(), job.flow);
}

/// Adds `payload` to `record` as an LZ4 block with its length before. If that is not shorter, what was added is nothing.
fn add_packed(payload: &[u8], dictionary: Option<&'static [u8]>, encoder: &mut Encoder, record: &mut Vec<u8>) -> Option<()> {
    let begin = record.len();
    record.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_le_bytes());
    match dictionary {
        Some(dictionary) => encoder.behind(dictionary).pack(payload, record)?,
        // Without one there are the short matches that the encoder leaves out.
        None => record.append(&mut compress(payload)),
    }
    (record.len() - begin < payload.len()).then_some(())
}

/// The job in `record`, whose queue has that dictionary.
pub(crate) fn decode(id: JobId, shard: usize, record: &Bytes, dictionary: &'static [u8]) -> Result<LeasedJob, Error> {
    const BAD: Error = Error::Protocol("a record without its first line");
    let end = record.iter().position(|b| *b == b'\n').ok_or(BAD)?;
    let line = record.get(..end).and_then(|l| std::str::from_utf8(l).ok()).ok_or(BAD)?;
    let mut parts = line.split('|');
    let lane = parts.next().and_then(Lane::from_code).ok_or(BAD)?;
    let enqueued_ms = parts.next().and_then(|ms| ms.parse().ok()).ok_or(BAD)?;
    let traceparent = parts.next().filter(|t| !t.is_empty()).map(str::to_owned);
    let form = match parts.nth(1) {
        Some("z") => Form::Packed,
        Some("d") => Form::PackedBehind(dictionary),
        _ => Form::Plain,
    };
    let payload = Payload { bytes: record.slice(end + 1..), form };
    Ok(LeasedJob { id, shard, lane, failed_attempts: 0, takeovers: 0, enqueued_ms, traceparent, payload })
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
            lane: Lane::Normal,
            flow: 0,
            traceparent: traceparent.map(str::to_owned),
            payload: payload.to_vec(),
        }
    }

    fn encoded(job: &NewJob, dictionary: Option<&'static [u8]>) -> Bytes {
        let mut record = Vec::new();
        encode(job, 17, dictionary, &mut Encoder::new(), &mut record);
        record.into()
    }

    fn read(job: &LeasedJob) -> Result<Vec<u8>, Error> {
        // What lay there before does not matter.
        job.payload.read(&mut b"of another job".repeat(9)).map(<[u8]>::to_vec)
    }

    fn unpacked(record: &[u8], dictionary: &'static [u8]) -> Result<Vec<u8>, Error> {
        read(&decode("j".into(), 0, &Bytes::copy_from_slice(record), dictionary)?)
    }

    #[test]
    fn a_record_round_trips() {
        let long = br#"{"a":"the same text","b":"the same text","c":"the same text"}"#.repeat(2);
        for (traceparent, payload) in [(None, &b"a|b\nc"[..]), (Some("00-aa-bb-01"), &b""[..]), (Some("00-aa-bb-01"), &long[..])]
        {
            let [alone, packed] = [None, Some(DICTIONARY)].map(|dictionary| {
                let record = encoded(&job(payload, traceparent), dictionary);
                let back = decode("j".into(), 3, &record, DICTIONARY).unwrap();
                assert_eq!(
                    (back.lane, back.enqueued_ms, back.traceparent.as_deref(), read(&back).unwrap().as_slice()),
                    (Lane::Normal, 17, traceparent, payload)
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
                let record = encoded(&job(&payload, None), dictionary);
                prop_assert_eq!(unpacked(&record, DICTIONARY).unwrap(), payload.as_slice());
            }
        }
    }

    #[test]
    fn packings_are_known_by_their_names() {
        assert_eq!("alone".parse(), Ok(Packing::Alone));
        assert_eq!("dictionary".parse(), Ok(Packing::Dictionary));
        assert!("Alone".parse::<Packing>().is_err());
    }

    #[test]
    fn a_record_of_another_dictionary_is_refused() {
        let record = encoded(&job(br#"{"a":"the same text","b":"the same text"}"#, None), Some(DICTIONARY));
        assert!(unpacked(&record, b"").is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        let huge = [b"p|1||0|z\n".as_slice(), &u32::MAX.to_le_bytes(), b"x"].concat();
        for bad in [&b"nonsense"[..], b"x|1||0|\n", b"p|x||0|\n", b"p|1||0|z\nab", b"p|1||0|d\nab", &huge] {
            assert!(unpacked(bad, DICTIONARY).is_err());
        }
        // What a version before this one wrote.
        assert_eq!(unpacked(b"p|1|\nx", b"").unwrap(), b"x");
    }
}

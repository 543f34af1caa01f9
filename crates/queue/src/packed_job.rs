//! A job as arguments of a call.

use std::{cell::RefCell, io::Write};

use redis_client::fred::{bytes::Bytes, types::Value};

use crate::{NewJob, Packing, QueueSettings, id_codec, lz4_dict::Encoder, record};

thread_local! {
    /// Where a job is packed, before it is known how long it becomes, and by whom.
    static ROOM: RefCell<(Vec<u8>, Encoder)> = RefCell::new((Vec::new(), Encoder::new()));
}

/// A job as arguments of a call, which follow each other: its claim, its legacy
/// claim, its id, its lane, its flow, its record.
#[derive(Debug)]
pub(crate) struct PackedJob {
    bytes: Box<[u8]>,
    ends: [usize; 6],
}

impl PackedJob {
    pub fn has_legacy(&self) -> bool {
        let [claim, legacy, ..] = self.ends;
        legacy > claim
    }

    pub fn of(job: &NewJob, legacy_claim: Option<&str>, settings: &QueueSettings) -> Self {
        let now_ms = clock::now_ms();
        let dictionary = (settings.packing == Packing::Dictionary).then_some(settings.dictionary);
        ROOM.with_borrow_mut(|(room, encoder)| {
            room.clear();
            id_codec::add(&job.claim, room);
            let claim = room.len();
            id_codec::add(legacy_claim.unwrap_or_default(), room);
            let legacy = room.len();
            id_codec::add(&job.id, room);
            let id = room.len();
            room.extend_from_slice(job.lane.code().as_bytes());
            let lane = room.len();
            // Writing to memory does not fail.
            let _ = write!(room, "{:x}", job.flow);
            let flow = room.len();
            record::encode(job, now_ms, dictionary, encoder, room);
            Self { bytes: room.as_slice().into(), ends: [claim, legacy, id, lane, flow, room.len()] }
        })
    }
}

/// The arguments of `jobs`: all claims, all legacy claims if they are wanted, then what else each has. They are in one piece of
/// memory.
pub(crate) fn arguments(jobs: &[PackedJob], with_legacy: bool) -> impl Iterator<Item = Value> {
    let mut bytes = Vec::with_capacity(jobs.iter().map(|job| job.bytes.len()).sum());
    let mut ends = Vec::with_capacity(6 * jobs.len());
    for PackedJob { bytes: job, ends: [claim, ..] } in jobs {
        bytes.extend_from_slice(job.get(..*claim).unwrap_or_default());
        ends.push(bytes.len());
    }
    for PackedJob { bytes: job, ends: [claim, legacy, ..] } in jobs.iter().filter(|_| with_legacy) {
        bytes.extend_from_slice(job.get(*claim..*legacy).unwrap_or_default());
        ends.push(bytes.len());
    }
    for PackedJob { bytes: job, ends: [_, legacy, rest @ ..] } in jobs {
        ends.extend(rest.iter().map(|end| bytes.len() + end - legacy));
        bytes.extend_from_slice(job.get(*legacy..).unwrap_or_default());
    }
    let (bytes, mut begin) = (Bytes::from(bytes), 0);
    ends.into_iter().map(move |end| Value::Bytes(bytes.slice(std::mem::replace(&mut begin, end)..end)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Lane;

    fn job(id: &str, lane: Lane, flow: u64) -> NewJob {
        NewJob { id: id.to_owned(), claim: format!("claim {id}"), lane, flow, traceparent: None, payload: b"payload".to_vec() }
    }

    fn text(value: &Value) -> String {
        String::from_utf8_lossy(value.as_bytes().unwrap()).into_owned()
    }

    #[test]
    fn jobs_are_told_by_all_claims_first_and_then_each_with_what_else_it_has() {
        let settings = QueueSettings { packing: Packing::Alone, ..QueueSettings::default() };
        let jobs = [
            PackedJob::of(&job("one", Lane::High, 10), Some("legacy one"), &settings),
            PackedJob::of(&job("two", Lane::Normal, 255), None, &settings),
        ];
        assert_eq!(jobs.each_ref().map(PackedJob::has_legacy), [true, false]);
        let packed = |text: &str| {
            let mut room = Vec::new();
            id_codec::add(text, &mut room);
            String::from_utf8_lossy(&room).into_owned()
        };
        for with_legacy in [false, true] {
            let told: Vec<String> = arguments(&jobs, with_legacy).map(|value| text(&value)).collect();
            let claims = [packed("claim one"), packed("claim two")].into_iter();
            let legacy = [packed("legacy one"), packed("")].into_iter().filter(|_| with_legacy);
            let first = claims.chain(legacy).chain([packed("one"), Lane::High.code().to_owned(), "a".to_owned()]);
            let (first, count) = (first.collect::<Vec<_>>(), 4 + 4 + if with_legacy { 4 } else { 2 });
            assert_eq!((told.get(..first.len()), told.len()), (Some(first.as_slice()), count));
            let second = [packed("two"), Lane::Normal.code().to_owned(), "ff".to_owned()];
            assert_eq!(told.get(first.len() + 1..count - 1), Some(second.as_slice()));
            for record in [told.get(first.len()), told.last()] {
                assert!(record.is_some_and(|record| record.ends_with("\npayload")), "{record:?}");
            }
        }
    }
}

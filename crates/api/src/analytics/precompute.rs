//! Answers that are ready before they are asked for: each range of all together, and of each company that had traffic since it was
//! computed, is computed again in its interval, and at once when something that was asked for lately falls due. One replica does it
//! at a time. A company that rests costs nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

use cache::Lease;
use clock::now_ms;
use common::{CompanyId, Grain, Mode, Topic, topic::tag};
use http_service::Stop;
use moka::future::Cache;
use redis_client::fred::{
    clients::Client,
    interfaces::{HashesInterface, KeysInterface, SortedSetsInterface},
};
use store::{Scope, companies, rollups};
use uuid::Uuid;

use super::{TimeRange, compute, key};
use crate::{Api, http::cached};

/// How often it looks what is due: while anything is asked for, and while nothing is.
const TICK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// How long the right to do it lasts without a heartbeat.
const LEASE: Duration = Duration::from_secs(5);
/// How often it gives that sign.
const RENEW: Duration = Duration::from_millis(1250);
/// Longest pause after an answer.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it looks which companies have traffic.
const COMPANIES: Duration = Duration::from_secs(60);
/// How long an answer counts as asked for.
const ASKED_MS: i64 = 300_000;
/// How often a process notes that the same is asked for.
const NOTE: Duration = Duration::from_secs(30);
/// The field that holds the fencing number of the process that told the counts.
const FENCE: &str = "fence";
/// Answers that are noted as asked for at most.
const NOTED: i64 = 10_000;

/// What is kept ready, as all replicas share it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Precomputed {
    client: Client,
    prefix: Arc<str>,
    noted: Cache<Place, ()>,
}

/// How often a range is computed again.
const fn interval(range: TimeRange) -> Duration {
    Duration::from_secs(match range {
        TimeRange::Hour => 60,
        TimeRange::Day => 5 * 60,
        TimeRange::Week => 15 * 60,
        TimeRange::Month => 30 * 60,
    })
}

/// The grain in which a company has traffic, and how far back, for that range of it to be kept ready; what is older is computed
/// when it is asked for. So the work is that of the companies that are busy, however many there are.
const fn busy(range: TimeRange) -> (Grain, i64) {
    match range {
        TimeRange::Hour => (Grain::Hour, 2 * Grain::Hour.ms()),
        TimeRange::Day | TimeRange::Week | TimeRange::Month => (Grain::Day, 2 * Grain::Day.ms()),
    }
}

impl Precomputed {
    pub fn new(client: Client, prefix: &str) -> Self {
        let noted = Cache::builder().max_capacity(10_000).time_to_live(NOTE).build();
        Self { client, prefix: prefix.into(), noted }
    }

    fn key(&self, what: &str) -> String {
        format!("{{{}:precomputed}}:{what}", self.prefix)
    }

    /// Notes that an answer is asked for: it is to be fresh at once while that is so.
    pub async fn note_asked(&self, range: TimeRange, scope: Scope) {
        let place = (range, company(scope));
        if self.noted.contains_key(&place) {
            return;
        }
        self.noted.insert(place, ()).await;
        let member = format!("{}:{}", range.as_str(), company(scope).map_or_else(|| "all".to_owned(), |id| id.to_string()));
        let noted: Result<i64, _> =
            self.client.zadd(self.key("asked"), None, None, false, false, (now_ms() as f64, member)).await;
        if let Err(error) = noted {
            tracing::debug!(%error, "a question was not noted");
        }
    }

    /// What was asked for lately.
    async fn asked(&self) -> Result<Vec<Place>, redis_client::Error> {
        let since = (now_ms() - ASKED_MS) as f64;
        let latest = Some((0, NOTED));
        let members: Vec<String> = self.client.zrevrangebyscore(self.key("asked"), f64::MAX, since, false, latest).await?;
        Ok(members.iter().filter_map(|member| place(member)).collect())
    }

    /// Forgets what was asked for long ago, and what is too much.
    async fn forget(&self) -> Result<(), redis_client::Error> {
        let key = self.key("asked");
        let _: i64 = self.client.zremrangebyscore(&key, 0, (now_ms() - ASKED_MS) as f64).await?;
        let _: i64 = self.client.zremrangebyrank(&key, 0, -NOTED - 1).await?;
        Ok(())
    }

    /// How many answers of each range are kept ready.
    pub async fn counts(&self) -> Result<HashMap<String, u64>, redis_client::Error> {
        let mut counts: HashMap<String, u64> = self.client.hgetall(self.key("counts")).await?;
        counts.remove(FENCE);
        Ok(counts)
    }

    async fn tell(&self, ready: &[(&str, u64)], fence: u64) -> Result<(), redis_client::Error> {
        let key = self.key("counts");
        let mut fields = ready.to_vec();
        fields.push((FENCE, fence));
        let _: () = self.client.hset(&key, fields).await?;
        let _: i64 = self.client.expire(&key, 7200, None).await?;
        Ok(())
    }
}

fn company(scope: Scope) -> Option<Uuid> {
    match scope {
        Scope::All => None,
        Scope::Company(id) => Some(id),
    }
}

fn place(member: &str) -> Option<Place> {
    let (range, whose) = member.split_once(':')?;
    let range = TimeRange::ALL.into_iter().find(|known| known.as_str() == range)?;
    Some((range, if whose == "all" { None } else { Some(whose.parse().ok()?) }))
}

/// A range of a company, or of all together.
type Place = (TimeRange, Option<Uuid>);
/// What is to be kept ready, those of all together before those of companies, each with how much traffic it counts: its figures are
/// computed again once this is another. None: by time alone.
type Kept = BTreeMap<Place, Option<i64>>;

/// What was computed last of a place.
#[derive(Clone, Copy)]
struct Computed {
    at: Instant,
    /// The version that it is kept under.
    version: u64,
    traffic: Option<i64>,
}

/// What one replica has computed.
#[derive(Default)]
struct Done(HashMap<Place, Computed>);

impl Done {
    fn is_due(&self, place: Place) -> bool {
        self.0.get(&place).is_none_or(|computed| computed.at.elapsed() >= interval(place.0))
    }

    /// Whether it counts the same traffic as when it was computed.
    fn rests(&self, place: Place, traffic: Option<i64>) -> bool {
        traffic.is_some() && self.0.get(&place).is_some_and(|computed| computed.traffic == traffic)
    }

    /// How many of `kept` have an answer of each range.
    fn ready(&self, kept: &Kept) -> Vec<(&'static str, u64)> {
        let has =
            |place: &&Place| self.0.get(place).is_some_and(|computed| computed.at.elapsed() < cached::analytics(place.0).ttl());
        let count = |range| kept.keys().filter(|place| place.0 == range).filter(has).count();
        TimeRange::ALL.into_iter().map(|range| (range.as_str(), count(range) as u64)).collect()
    }

    /// Forgets what is not among `kept` and was not computed lately.
    fn forget(&mut self, kept: &Kept) {
        self.0.retain(|place, computed| kept.contains_key(place) || computed.at.elapsed() < 2 * interval(place.0));
    }

    fn is_older(&self, place: Place, version: u64) -> bool {
        self.0.get(&place).is_none_or(|computed| computed.version < version)
    }
}

/// What is to be kept ready: every range of all together, and those of the companies that are busy.
async fn kept(api: &Api) -> Result<Kept, store::Error> {
    let mut kept = Kept::new();
    let others = companies::with_other_days(&api.db).await?;
    let mut known: HashMap<(Grain, i64), BTreeMap<Uuid, i64>> = HashMap::new();
    for range in TimeRange::ALL {
        let (grain, back) = busy(range);
        let from = grain.bucket(now_ms() - back);
        let busy = match known.entry((grain, from)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(rollups::traffic(&api.db, grain, from).await?),
        };
        kept.insert((range, None), None);
        // Nobody is told a month of UTC's days who counts by others.
        let busy = busy.iter().filter(|(id, _)| range != TimeRange::Month || !others.contains(id));
        kept.extend(busy.map(|(id, traffic)| ((range, Some(*id)), Some(*traffic))));
    }
    Ok(kept)
}

/// Keeps answers ready until `stop`, whenever this replica has the right to.
pub(crate) async fn run(api: Api, mut stop: Stop) {
    let lease = Lease::new(api.precomputed.client.clone(), &api.precomputed.key("lease"), LEASE);
    let (mut done, mut ready_for, mut looked, mut held) = (Done::default(), Kept::new(), None::<Instant>, None::<(Instant, u64)>);
    let (mut told, mut tick) = (Vec::new(), TICK.0);
    while !*stop.borrow() {
        // Either the time is over or it is told to stop, which the loop sees.
        let _ = tokio::time::timeout(tick, stop.changed()).await;
        tick = TICK.1;
        if held.is_none_or(|(at, _)| at.elapsed() >= RENEW) {
            let at = Instant::now();
            held = lease.hold().await.ok().flatten().map(|fence| (at, fence));
        }
        let Some((_, fence)) = held else {
            // Another's turn, or Redis is away: what is computed then is not known here.
            done = Done::default();
            told.clear();
            continue;
        };
        if looked.is_none_or(|at| at.elapsed() >= COMPANIES) {
            match kept(&api).await {
                Ok(kept) => ready_for = kept,
                // Those known before are kept ready until the next look.
                Err(error) => tracing::warn!(%error, "the companies with traffic are not known"),
            }
            looked = Some(Instant::now());
            done.forget(&ready_for);
            if let Err(error) = api.precomputed.forget().await {
                tracing::debug!(%error, "what was asked for long ago is forgotten later");
            }
            // What is told has a time to live.
            told.clear();
        }
        let asked = api.precomputed.asked().await.unwrap_or_default();
        if !asked.is_empty() {
            tick = TICK.0;
        }
        round(&api, &lease, fence, asked, &ready_for, &mut done).await;
        let ready = done.ready(&ready_for);
        if ready != told {
            match api.precomputed.tell(&ready, fence).await {
                Ok(()) => told = ready,
                Err(error) => tracing::debug!(%error, "what is kept ready was not told"),
            }
        }
    }
    lease.release().await;
}

/// Computes what is due now of what was `asked` for and of what is `kept` ready.
async fn round(api: &Api, lease: &Lease, fence: u64, asked: Vec<Place>, kept: &Kept, done: &mut Done) {
    // Of what is due: whether it is to be computed although nothing was committed.
    let mut due: Vec<(Place, bool)> = Vec::new();
    let mut known: HashSet<Place> = HashSet::new();
    let mut versions: HashMap<Option<Uuid>, u64> = HashMap::new();
    for place in asked {
        let (_, whose) = place;
        let version = match versions.get(&whose) {
            Some(version) => *version,
            None => match api.cache.tags().version(&tag(whose.map(CompanyId), Topic::Analytics)).await {
                Ok(version) => *versions.entry(whose).or_insert(version.current),
                Err(_) => return,
            },
        };
        let again = done.is_due(place);
        if again || done.is_older(place, version) {
            due.push((place, again));
            known.insert(place);
        }
    }
    for (place, traffic) in kept {
        if !done.rests(*place, *traffic) && done.is_due(*place) && known.insert(*place) {
            due.push((*place, true));
        }
    }
    let begun = Instant::now();
    for (place, again) in due {
        // A round may take long; only who still has the right goes on.
        if begun.elapsed() > LEASE / 3 && !matches!(lease.hold().await, Ok(Some(current)) if current == fence) {
            return;
        }
        let (own, at, range, scope) = (api.clone(), Instant::now(), place.0, place.1.map_or(Scope::All, Scope::Company));
        let name = key(Mode::Live);
        let route = cached::analytics(range);
        let made = if again {
            cached::refresh(api, route, scope, &name, move || compute(own, scope, Mode::Live, range)).await
        } else {
            cached::ensure(api, route, scope, &name, move || compute(own, scope, Mode::Live, range)).await
        };
        match made {
            Ok(version) => {
                // What is only a newer version does not put off its turn.
                let turn = done.0.get(&place).filter(|_| !again).map_or(at, |computed| computed.at);
                let traffic = kept.get(&place).copied().flatten();
                done.0.insert(place, Computed { at: turn, version, traffic });
            }
            Err(problem) => tracing::warn!(%problem, "figures were not computed"),
        }
        let took = at.elapsed();
        api.meter.time(&format!("analytics.refresh:{}", range.as_str()), took);
        // Half of the time is left to those who ask.
        tokio::time::sleep(took.min(PAUSE)).await;
    }
}

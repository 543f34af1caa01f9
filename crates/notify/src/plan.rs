//! What is due to be told now. Pure: rows and a moment in, steps out.

use std::collections::BTreeMap;

use store::{
    alerting::{ALL_ALERTS, CRITICAL, ENABLED},
    entity::{alert_channel::Model as Channel, alert_notice::Model as Notice},
};

use crate::quiet;

/// After so many failed tries a step is given up.
pub const MAX_ATTEMPTS: i64 = 20;
/// The first distance between two tries, and the longest, in milliseconds.
const DISTANCE_MS: (i64, i64) = (15_000, 3_600_000);
/// Alerts of one message at most; the others follow in the next.
const GROUP: usize = 50;

/// What is to be done with a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Tell that it began.
    Begin,
    /// Tell that it still stands, or that it is critical now.
    Reminder,
    /// Tell that it is over.
    End,
    /// Nothing is to be told of it any more.
    Drop,
}

impl Step {
    /// Its name in what is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "began",
            Self::Reminder => "stands",
            Self::End => "ended",
            Self::Drop => "dropped",
        }
    }
}

/// Whether `channel` wants an alert.
pub fn wants(channel: &Channel, alert: &str, severity: &str) -> bool {
    let name = alert.split(':').next().unwrap_or(alert);
    let is_named = channel.alerts.split(' ').any(|own| own == ALL_ALERTS || own == name);
    is_named && (severity == CRITICAL || channel.min_severity != CRITICAL)
}

/// What is due of `notice` at `now_ms`; none: nothing yet. `channel` is none where it is told no longer.
pub fn step(notice: &Notice, channel: Option<&Channel>, settle_ms: i64, now_ms: i64) -> Option<Step> {
    let Some(channel) = channel.filter(|channel| channel.state == ENABLED) else {
        return notice.ended_at.map(|_| Step::Drop);
    };
    let is_given_up = notice.attempts >= MAX_ATTEMPTS;
    if notice.ended_at.is_some() {
        // Nobody is told of the end of what they did not hear of.
        if notice.told_at.is_none() || is_given_up {
            return Some(Step::Drop);
        }
        return (notice.next_at <= now_ms).then_some(Step::End);
    }
    let is_quiet = quiet::is_quiet(channel.quiet_from, channel.quiet_until, &channel.quiet_zone, now_ms);
    if is_given_up || notice.next_at > now_ms || (is_quiet && notice.severity != CRITICAL) {
        return None;
    }
    // It was told of, or was to be, before the channel was changed.
    if !wants(channel, &notice.alert, &notice.severity) {
        return None;
    }
    let Some(told_at) = notice.told_at else {
        return (now_ms - notice.began_at >= settle_ms).then_some(Step::Begin);
    };
    let was_warning = notice.told_severity.as_deref().is_some_and(|severity| severity != CRITICAL);
    if was_warning && notice.severity == CRITICAL {
        return Some(Step::Reminder);
    }
    let last = notice.reminded_at.unwrap_or(told_at).max(told_at);
    let is_due = channel.reminder_hours > 0 && now_ms - last >= channel.reminder_hours * 3_600_000;
    is_due.then_some(Step::Reminder)
}

/// What is due for one channel; none: one that is told no longer.
pub type Due<'n> = (Option<Channel>, Vec<(Step, &'n Notice)>);

/// Everything that is due at `now_ms`, by channel: what is told to one is one message.
pub fn due<'n>(notices: &'n [Notice], channels: &[Channel], settle_ms: i64, now_ms: i64) -> Vec<Due<'n>> {
    let mut by_channel: BTreeMap<_, Vec<(Step, &Notice)>> = BTreeMap::new();
    for notice in notices {
        let channel = channels.iter().find(|channel| channel.id == notice.channel_id);
        if let Some(step) = step(notice, channel, settle_ms, now_ms) {
            let steps = by_channel.entry(notice.channel_id).or_default();
            if steps.len() < GROUP {
                steps.push((step, notice));
            }
        }
    }
    let of = |id| channels.iter().find(|channel| channel.id == id).cloned();
    by_channel.into_iter().map(|(id, steps)| (of(id), steps)).collect()
}

/// How long to wait after so many failed tries, in milliseconds: twice as long each time, up to an hour.
pub fn distance_ms(attempts: i64) -> i64 {
    let doubled = DISTANCE_MS.0.checked_shl(u32::try_from(attempts.clamp(0, 20)).unwrap_or(0));
    doubled.unwrap_or(DISTANCE_MS.1).clamp(DISTANCE_MS.0, DISTANCE_MS.1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use store::alerting::WARNING;
    use uuid::Uuid;

    use super::*;

    const SETTLE: i64 = 30_000;
    const HOUR: i64 = 3_600_000;

    fn channel() -> Channel {
        Channel {
            company_id: Uuid::nil(),
            id: Uuid::from_u128(1),
            kind: "slack".to_owned(),
            name: String::new(),
            target: String::new(),
            configuration: String::new(),
            min_severity: WARNING.to_owned(),
            alerts: ALL_ALERTS.to_owned(),
            quiet_from: 0,
            quiet_until: 0,
            quiet_zone: "UTC".to_owned(),
            reminder_hours: 4,
            state: ENABLED.to_owned(),
            created_at: 0,
            updated_at: 0,
        }
    }

    fn notice() -> Notice {
        Notice {
            company_id: Uuid::nil(),
            channel_id: Uuid::from_u128(1),
            id: Uuid::from_u128(7),
            alert: "queue-backlog".to_owned(),
            severity: WARNING.to_owned(),
            message: String::new(),
            action: String::new(),
            began_at: 0,
            seen_at: 0,
            told_at: None,
            told_severity: None,
            reminded_at: None,
            ended_at: None,
            closed_at: None,
            next_at: 0,
            attempts: 0,
            error: None,
        }
    }

    fn at(change: impl FnOnce(&mut Notice), now_ms: i64) -> Option<Step> {
        let mut notice = notice();
        change(&mut notice);
        step(&notice, Some(&channel()), SETTLE, now_ms)
    }

    #[test]
    fn it_is_told_once_at_its_beginning_and_once_at_its_end() {
        assert_eq!(at(|_| {}, SETTLE - 1), None, "it may be over in a moment");
        assert_eq!(at(|_| {}, SETTLE), Some(Step::Begin));
        assert_eq!(at(|n| n.told_at = Some(SETTLE), SETTLE + 1), None);
        assert_eq!(at(|n| (n.told_at, n.ended_at) = (Some(1), Some(2)), SETTLE), Some(Step::End));
        assert_eq!(at(|n| n.ended_at = Some(2), SETTLE), Some(Step::Drop), "nobody heard of it");
        assert_eq!(at(|n| n.next_at = SETTLE + 1, SETTLE), None, "another tells it, or it failed a moment ago");
    }

    #[test]
    fn what_stands_is_told_again_after_the_hours_that_were_set() {
        let told = |n: &mut Notice| n.told_at = Some(0);
        assert_eq!(at(told, 4 * HOUR - 1), None);
        assert_eq!(at(told, 4 * HOUR), Some(Step::Reminder));
        assert_eq!(at(|n| (n.told_at, n.reminded_at) = (Some(0), Some(4 * HOUR)), 8 * HOUR - 1), None);
        let never = Channel { reminder_hours: 0, ..channel() };
        let mut notice = notice();
        told(&mut notice);
        assert_eq!(step(&notice, Some(&never), SETTLE, 100 * HOUR), None);
    }

    #[test]
    fn quiet_hours_hold_back_what_is_not_critical_and_no_end() {
        let quiet = Channel { quiet_from: 0, quiet_until: 60, ..channel() };
        let mut notice = notice();
        assert_eq!(step(&notice, Some(&quiet), SETTLE, SETTLE), None);
        assert_eq!(step(&notice, Some(&quiet), SETTLE, HOUR), Some(Step::Begin), "afterwards it is told");
        notice.severity = CRITICAL.to_owned();
        assert_eq!(step(&notice, Some(&quiet), SETTLE, SETTLE), Some(Step::Begin));
        notice.severity = WARNING.to_owned();
        (notice.told_at, notice.ended_at) = (Some(0), Some(1));
        assert_eq!(step(&notice, Some(&quiet), SETTLE, SETTLE), Some(Step::End));
    }

    #[test]
    fn a_warning_that_becomes_critical_is_told_again_at_once_and_once() {
        let quiet = Channel { quiet_from: 0, quiet_until: 60, reminder_hours: 0, ..channel() };
        let told = |severity: &str, last: &str| Notice {
            severity: severity.to_owned(),
            told_at: Some(0),
            told_severity: Some(last.to_owned()),
            ..notice()
        };
        for (severity, last, expected) in [
            (CRITICAL, WARNING, Some(Step::Reminder)),
            (CRITICAL, CRITICAL, None),
            (WARNING, CRITICAL, None),
            (WARNING, WARNING, None),
        ] {
            assert_eq!(step(&told(severity, last), Some(&quiet), SETTLE, 1), expected, "{severity} after {last}");
        }
        let unknown = Notice { told_severity: None, ..told(CRITICAL, WARNING) };
        assert_eq!(step(&unknown, Some(&quiet), SETTLE, 1), None, "told by a version that did not note it");
    }

    #[test]
    fn what_a_channel_wants_no_longer_is_not_begun_nor_repeated_but_ended() {
        let other = Channel { alerts: "silence".to_owned(), ..channel() };
        assert_eq!(step(&notice(), Some(&other), SETTLE, SETTLE), None);
        let told = Notice { told_at: Some(0), ..notice() };
        assert_eq!(step(&told, Some(&other), SETTLE, 100 * HOUR), None);
        assert_eq!(step(&Notice { ended_at: Some(1), ..told }, Some(&other), SETTLE, SETTLE), Some(Step::End));
    }

    #[test]
    fn tries_grow_apart_and_end() {
        assert_eq!((distance_ms(0), distance_ms(1), distance_ms(9)), (15_000, 30_000, HOUR));
        assert_eq!(distance_ms(MAX_ATTEMPTS), HOUR);
        assert_eq!(at(|n| n.attempts = MAX_ATTEMPTS, SETTLE), None);
        assert_eq!(at(|n| (n.attempts, n.told_at, n.ended_at) = (MAX_ATTEMPTS, Some(1), Some(2)), SETTLE), Some(Step::Drop));
    }

    #[test]
    fn what_is_due_for_a_channel_is_one_message() {
        let (one, mut two, mut three) = (notice(), notice(), notice());
        (two.id, three.channel_id) = (Uuid::from_u128(8), Uuid::from_u128(2));
        let notices = [one, two, three];
        let all = due(&notices, &[channel()], SETTLE, SETTLE);
        assert_eq!(all.len(), 1, "of a channel that is gone nothing is told");
        assert_eq!(all[0].1.len(), 2);
        assert_eq!(step(&Notice { ended_at: Some(1), ..notice() }, None, SETTLE, SETTLE), Some(Step::Drop));
    }

    #[test]
    fn a_channel_has_its_alerts_and_its_severity() {
        let own = Channel { alerts: "silence endpoint-failing".to_owned(), ..channel() };
        assert!(wants(&own, "endpoint-failing:7", WARNING) && !wants(&own, "queue-backlog", CRITICAL));
        let critical = Channel { min_severity: CRITICAL.to_owned(), ..channel() };
        assert!(wants(&critical, "redis-away", CRITICAL) && !wants(&critical, "queue-backlog", WARNING));
    }
}

//! How many streams may be open: in one replica, of one company, and of one sender.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_service::{Problem, ProblemKind};
use store::reads::Scope;

/// Streams that one replica holds open at most.
const ALL: u32 = 1_000;
/// Those of one company.
const OF_COMPANY: u32 = 200;
/// Those of one token or one user.
const OF_SENDER: u32 = 25;

/// The streams that are open, by whose they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<HashMap<String, u32>>>);

/// A stream's place; released when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    names: Vec<String>,
}

impl Places {
    /// A place for a stream of `actor` over `scope`.
    pub fn open(&self, actor: &str, scope: Scope) -> Result<Place, Problem> {
        let mut limits = vec![("all".to_owned(), ALL), (actor.to_owned(), OF_SENDER)];
        if let Scope::Company(company) = scope {
            limits.push((format!("company:{company}"), OF_COMPANY));
        }
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if limits.iter().any(|(name, most)| open.get(name).is_some_and(|count| count >= most)) {
            let detail = "too many streams are open; close one, or try again later";
            return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after(Duration::from_secs(5)));
        }
        for (name, _) in &limits {
            *open.entry(name.clone()).or_default() += 1;
        }
        Ok(Place { places: self.clone(), names: limits.into_iter().map(|(name, _)| name).collect() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            if let Some(count) = open.get_mut(name) {
                *count = count.saturating_sub(1);
            }
        }
        open.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_does_not_take_all_places() {
        let places = Places::default();
        let mut held: Vec<Place> = (0..OF_SENDER).map(|_| places.open("token:1", Scope::All).unwrap()).collect();
        assert_eq!(places.open("token:1", Scope::All).unwrap_err().kind(), ProblemKind::TooManyRequests);
        assert!(places.open("token:2", Scope::All).is_ok());
        held.pop();
        assert!(places.open("token:1", Scope::All).is_ok());
    }
}

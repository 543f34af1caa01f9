//! How many streams or files may be open: in one replica, for one company, and for one sender.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_service::{Problem, ProblemKind};
use store::Scope;

/// How many places there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// What they are for, as a refusal has it.
    pub what: &'static str,
    /// In one replica.
    pub all: u32,
    /// For one company.
    pub of_company: u32,
    /// For one token or one user.
    pub of_sender: u32,
}

/// The places that are taken, by whose they are. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    limits: Limits,
    taken: Arc<Mutex<HashMap<String, u32>>>,
}

/// A place; released when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    names: Vec<String>,
}

impl Places {
    /// So many places, all of them free.
    pub fn new(limits: Limits) -> Self {
        Self { limits, taken: Arc::default() }
    }

    /// A place for `actor`, whose rows are within `scope`.
    pub fn open(&self, actor: &str, scope: Scope) -> Result<Place, Problem> {
        let Limits { what, all, of_company, of_sender } = self.limits;
        let mut limits = vec![("all".to_owned(), all), (actor.to_owned(), of_sender)];
        if let Scope::Company(company) = scope {
            limits.push((format!("company:{company}"), of_company));
        }
        let mut open = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if limits.iter().any(|(name, most)| open.get(name).is_some_and(|count| count >= most)) {
            let detail = format!("too many {what} at once; end one, or try again later");
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
        let mut open = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
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
        let places = Places::new(Limits { what: "streams", all: 10, of_company: 5, of_sender: 2 });
        let mut held: Vec<Place> = (0..2).map(|_| places.open("token:1", Scope::All).unwrap()).collect();
        assert_eq!(places.open("token:1", Scope::All).unwrap_err().kind(), ProblemKind::TooManyRequests);
        assert!(places.open("token:2", Scope::All).is_ok());
        held.pop();
        assert!(places.open("token:1", Scope::All).is_ok());
    }

    #[test]
    fn one_company_does_not_take_all_places() {
        let places = Places::new(Limits { what: "files", all: 3, of_company: 2, of_sender: 2 });
        let company = Scope::Company(uuid::Uuid::from_u128(1));
        let _held: Vec<Place> = ["token:1", "token:2"].map(|actor| places.open(actor, company).unwrap()).into();
        assert_eq!(places.open("token:3", company).unwrap_err().kind(), ProblemKind::TooManyRequests);
        let _third = places.open("token:4", Scope::Company(uuid::Uuid::from_u128(2))).unwrap();
        assert_eq!(places.open("token:5", Scope::All).unwrap_err().kind(), ProblemKind::TooManyRequests, "all are taken");
    }
}

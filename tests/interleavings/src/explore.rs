//! Every history of a world, depth first, each moment looked at once.

use std::{collections::hash_map::Entry, hash::BuildHasher};

use foldhash::{HashMap, HashMapExt, quality::FixedState};

use crate::{
    lua::Scripts,
    world::{Explored, State, Step, World},
};

/// What was gone through.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub moments: usize,
    pub steps: usize,
}

/// A history that breaks a promise.
#[derive(Debug)]
pub struct Broken {
    pub what: String,
    pub history: Vec<Step>,
}

/// Goes through all histories of `world` with these scripts. One moment of so many is followed to its end as well.
///
/// # Errors
///
/// The first history that was found to break a promise.
pub fn explore(world: &World, scripts: Scripts, followed: u64) -> Result<Found, Broken> {
    let (explored, hasher) = (Explored::new(world, scripts), FixedState::with_seed(7));
    // Each moment with the one before it: a history is read backwards.
    let mut seen: HashMap<u64, Option<(u64, Step)>> = HashMap::new();
    let mut found = Found { moments: 0, steps: 0 };
    let begin = explored.begin();
    let first = hasher.hash_one(&begin);
    seen.insert(first, None);
    let mut open: Vec<(u64, State)> = vec![(first, begin)];
    while let Some((at, state)) = open.pop() {
        found.moments += 1;
        let broken = |what| Broken { what, history: history(&seen, at) };
        explored.check(&state).map_err(broken)?;
        if at.is_multiple_of(followed) {
            explored.check_end(&state).map_err(broken)?;
        }
        for step in explored.steps(&state) {
            found.steps += 1;
            let next = explored.after(&state, step);
            let to = hasher.hash_one(&next);
            if let Entry::Vacant(unseen) = seen.entry(to) {
                unseen.insert(Some((at, step)));
                open.push((to, next));
            }
        }
    }
    Ok(found)
}

fn history(seen: &HashMap<u64, Option<(u64, Step)>>, mut at: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(Some((before, step))) = seen.get(&at) {
        steps.push(*step);
        at = *before;
    }
    steps.reverse();
    steps
}

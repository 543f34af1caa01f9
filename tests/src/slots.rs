//! A cluster's slots, as an operator moves them.

use crate::{Redis, redis};

/// Keys that one call moves.
const KEYS: usize = 50;
/// Calls until all keys of a slot must have moved.
const CALLS: usize = 10_000;

/// What a node answers.
fn ask(port: u16, command: &[&str]) -> String {
    redis::ask(port, command).trim().to_owned()
}

/// Whether that line of `CLUSTER NODES` is a master's with that slot.
fn has(line: &str, slot: u16) -> bool {
    line.split(' ').skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
    })
}

/// A slot between two masters.
pub struct Moving {
    slot: String,
    from: u16,
    to: u16,
    to_id: String,
}

impl Redis {
    /// Moves the slot of `key` from its master to the next, while it is used.
    pub fn move_slot_of(&self, key: &str) {
        self.end_move(&self.begin_move(key));
    }

    /// Begins that: keys that are not there are looked for at the next master.
    pub fn begin_move(&self, key: &str) -> Moving {
        let ports = self.ports();
        let slot: u16 = ask(ports[0], &["CLUSTER", "KEYSLOT", key]).parse().unwrap();
        let owns =
            |port: &u16| ask(*port, &["CLUSTER", "NODES"]).lines().any(|line| line.contains("myself,master") && has(line, slot));
        let at = ports.iter().position(owns).expect("a master has the slot");
        let (from, to) = (ports[at], ports[(at + 1) % ports.len()]);
        let slot = slot.to_string();
        let (from_id, to_id) = (ask(from, &["CLUSTER", "MYID"]), ask(to, &["CLUSTER", "MYID"]));
        assert_eq!(ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]), "OK");
        assert_eq!(ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]), "OK");
        Moving { slot, from, to, to_id }
    }

    /// Moves the keys, and gives the slot to the next master.
    pub fn end_move(&self, Moving { slot, from, to, to_id }: &Moving) {
        for _ in 0..CALLS {
            let keys = ask(*from, &["CLUSTER", "GETKEYSINSLOT", slot, &KEYS.to_string()]);
            let keys: Vec<&str> = keys.lines().filter(|key| !key.is_empty()).collect();
            if keys.is_empty() {
                break;
            }
            let moved = ask(*from, &[&["MIGRATE", "127.0.0.1", &to.to_string(), "", "0", "5000", "KEYS"][..], &keys].concat());
            assert!(moved == "OK" || moved == "NOKEY", "{moved}");
        }
        let others = self.ports().into_iter().filter(|port| port != from && port != to);
        for port in [*to, *from].into_iter().chain(others) {
            assert_eq!(ask(port, &["CLUSTER", "SETSLOT", slot, "NODE", to_id]), "OK");
        }
    }
}

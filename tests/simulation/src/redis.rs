//! The Redis of a simulation: the model of `interleavings` with every script that the services send, behind their own clients. What is
//! asked may be lost before it is done or after it, be done twice, or be refused.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{BuildHasher, Hasher},
};

use foldhash::quality::FixedState;
use interleavings::{
    lua::Interpreter,
    redis::{Answer, Redis},
};
use mlua::Function;
use rand::{Rng, SeedableRng, rngs::StdRng};
use redis_client::fred::{
    error::{Error, ErrorKind},
    types::{Value, scripts::Script},
};

use crate::{
    process,
    wire::{shown, shown_answer, value},
};

/// Calls of the history that are told where a seed fails.
const TOLD: usize = 80;

/// What may go wrong with a command, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble {
    pub lost: u32,
    pub unanswered: u32,
    pub twice: u32,
    /// Whatever takes memory is refused.
    pub is_full: bool,
    /// Nothing is done at all.
    pub is_away: bool,
}

/// A text of a script that is replaced, to see that it is noticed.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Part of the script that is meant.
    pub script: &'static str,
    pub instead_of: &'static str,
    pub stands: &'static str,
}

/// A server of the simulation's thread.
pub struct Server {
    data: Redis,
    interpreter: Interpreter,
    known: HashMap<String, (Function, bool)>,
    pub rng: StdRng,
    pub trouble: Trouble,
    /// Longest that a message is under way, in milliseconds.
    pub travel_ms: u64,
    /// How far its clock is ahead of the steady one.
    pub ahead_ms: i64,
    /// The latest moment that any host was at.
    latest_ms: i64,
    fault: Option<Fault>,
    /// Hosts whose process has ended, by name, with what is left of commands until it ends.
    ends: BTreeMap<String, u32>,
    hash: u64,
    commands: u64,
    history: VecDeque<String>,
    /// `SIMULATION_HISTORY=1` shows all of it.
    tells_all: bool,
    pub counts: BTreeMap<&'static str, u64>,
}

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

/// Begins an empty server for this thread.
pub fn begin(seed: u64, fault: Option<Fault>) {
    let server = Server {
        data: Redis::at(process::wall_begin_ms()),
        interpreter: Interpreter::new(),
        known: HashMap::new(),
        rng: StdRng::seed_from_u64(seed ^ 0x5eed),
        trouble: Trouble::default(),
        travel_ms: 2,
        ahead_ms: 0,
        latest_ms: 0,
        fault,
        ends: BTreeMap::new(),
        hash: 0,
        commands: 0,
        history: VecDeque::new(),
        tells_all: std::env::var_os("SIMULATION_HISTORY").is_some(),
        counts: BTreeMap::new(),
    };
    SERVER.set(Some(server));
}

/// What `look` sees of this thread's server, or changes.
///
/// # Panics
///
/// Where none was begun.
pub fn with<T>(look: impl FnOnce(&mut Server) -> T) -> T {
    SERVER.with_borrow_mut(|server| look(server.as_mut().expect("a server was begun")))
}

/// The error of a client that was told nothing.
fn unavailable(what: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, what)
}

impl Server {
    /// Its data, at this moment.
    pub fn data(&self) -> &Redis {
        &self.data
    }

    /// A hash of all that was asked and answered.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many commands were asked.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// The end of the history.
    pub fn history(&self) -> impl Iterator<Item = &str> {
        self.history.iter().map(String::as_str)
    }

    /// Notes something in the history that is no command.
    pub fn note(&mut self, line: String) {
        // In which order a service hands its figures over is told by addresses in memory, and nobody goes by it.
        if !line.contains(":meter:") {
            let mut hasher = FixedState::default().build_hasher();
            hasher.write_u64(self.hash);
            hasher.write(line.as_bytes());
            self.hash = hasher.finish();
        }
        let line = format!("{:>9} ms  {line}", process::elapsed_ms());
        if self.tells_all {
            println!("{line}");
        }
        if self.history.len() == TOLD {
            self.history.pop_front();
        }
        self.history.push_back(line);
    }

    /// Drops some of what the cache keeps: versions of tags, answers, and what goes with them.
    pub fn evict(&mut self) {
        let of_cache =
            |key: &[u8]| [&b":cache:"[..], b":answers:"].iter().any(|part| key.windows(part.len()).any(|at| at == *part));
        let keys: Vec<Vec<u8>> = self.data.values().keys().filter(|key| of_cache(key)).cloned().collect();
        for key in keys {
            if self.rng.random_bool(0.5) {
                drop(self.data.call(&[b"DEL".to_vec(), key]));
            }
        }
    }

    /// Forgets the scripts, as a restart does.
    pub fn forget_scripts(&mut self) {
        self.known.clear();
    }

    /// The process of `host` ends with its next command but `left`.
    pub fn end_host(&mut self, host: &str, left: u32) {
        self.ends.insert(host.to_owned(), left);
    }

    /// Whether the process of `host` has come to its end.
    pub fn is_over(&self, host: &str) -> bool {
        self.ends.get(host) == Some(&0)
    }

    /// Sets the clock to this moment; not back, for hosts take turns.
    fn tick(&mut self) {
        self.latest_ms = self.latest_ms.max(process::elapsed_ms() as i64);
        self.data.now_ms = process::wall_begin_ms() + self.ahead_ms + self.latest_ms;
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// What `host` is told of a command, after whatever becomes of it.
    pub fn asked(&mut self, host: &str, args: &[Vec<u8>]) -> Result<Value, Error> {
        self.commands += 1;
        if let Some(left) = self.ends.get_mut(host) {
            match *left {
                0 => return Err(unavailable("this process has ended")),
                // The last one may be done, and nobody hears of it.
                1 => {
                    *left = 0;
                    if self.rng.random_bool(0.5) {
                        drop(self.done(host, args));
                    }
                    return Err(unavailable("this process has ended"));
                }
                _ => *left -= 1,
            }
        }
        if self.trouble.is_away {
            return Err(unavailable("Redis is away"));
        }
        let chance = self.rng.random_range(0..1000);
        let Trouble { lost, unanswered, twice, .. } = self.trouble;
        if chance < lost {
            self.count("commands lost");
            self.note(format!("{host}: {} lost", shown(args)));
            return Err(unavailable("the command was lost"));
        }
        if chance < lost + unanswered {
            self.count("answers lost");
            drop(self.done(host, args));
            return Err(unavailable("the answer was lost"));
        }
        if chance < lost + unanswered + twice {
            self.count("commands done twice");
            drop(self.done(host, args));
        }
        self.done(host, args)
    }

    fn done(&mut self, host: &str, args: &[Vec<u8>]) -> Result<Value, Error> {
        self.tick();
        let answer = self.answer(args);
        let told = match &answer {
            // Sealed anew in each process.
            Ok(_) if args.iter().any(|arg| arg.ends_with(b"receivers}:keys")) => format!("{host}: {} -> keys", shown(args)),
            Ok(answer) => format!("{host}: {} -> {}", shown(args), shown_answer(answer)),
            Err(refusal) => format!("{host}: {} refused: {refusal}", shown(args)),
        };
        self.note(told);
        answer.map(value).map_err(|refusal| {
            let expected = ["NOSCRIPT", "OOM", "ERR no such key"].iter().any(|known| refusal.starts_with(known));
            assert!(expected, "{}: {refusal}", shown(args));
            Error::new(ErrorKind::Unknown, refusal)
        })
    }

    fn answer(&mut self, args: &[Vec<u8>]) -> Result<Answer, String> {
        const FULL: &str = "OOM command not allowed when used memory > 'maxmemory'.";
        let name = String::from_utf8_lossy(&args[0]).into_owned();
        match (name.as_str(), &args[1..]) {
            ("PING", _) => Ok(Answer::Status("PONG")),
            // Publications reach nobody: the slow poll is relied upon.
            ("SUBSCRIBE" | "UNSUBSCRIBE" | "SSUBSCRIBE" | "PSUBSCRIBE" | "QUIT", _) => Ok(Answer::Nil),
            ("EVAL", [text, count, rest @ ..]) => {
                let text = String::from_utf8_lossy(text).into_owned();
                let hash = Script::from_lua(text.as_str()).sha1().to_string();
                if !self.known.contains_key(&hash) {
                    let header = text.lines().next().filter(|line| line.starts_with("#!")).unwrap_or_default();
                    let needs_memory = !header.contains("allow-oom") && !header.contains("no-writes");
                    let faulty = self.fault.filter(|fault| text.contains(fault.script));
                    let run = match faulty {
                        Some(fault) => {
                            assert!(text.contains(fault.instead_of), "no script has {}", fault.instead_of);
                            text.replace(fault.instead_of, fault.stands)
                        }
                        None => text,
                    };
                    let function = self.interpreter.load(&hash, &run)?;
                    self.known.insert(hash.clone(), (function, needs_memory));
                }
                self.run(&hash, count, rest)
            }
            ("EVALSHA", [hash, count, rest @ ..]) => self.run(&String::from_utf8_lossy(hash), count, rest),
            (name, _) if self.trouble.is_full && TAKES_MEMORY.contains(&name) => Err(FULL.to_owned()),
            _ => self.data.call(args),
        }
    }

    fn run(&mut self, hash: &str, count: &[u8], rest: &[Vec<u8>]) -> Result<Answer, String> {
        let Some((function, needs_memory)) = self.known.get(hash) else {
            return Err("NOSCRIPT No matching script.".to_owned());
        };
        if self.trouble.is_full && *needs_memory {
            return Err("OOM command not allowed when used memory > 'maxmemory'.".to_owned());
        }
        let count: usize = String::from_utf8_lossy(count).parse().map_err(|_| "ERR number of keys".to_owned())?;
        let (keys, args) = rest.split_at(count);
        self.interpreter.run(&mut self.data, function, keys, args)
    }
}

const TAKES_MEMORY: [&str; 6] = ["HSET", "HINCRBY", "HSETNX", "SET", "INCR", "LPUSH"];

//! How far a command is.

use std::{io::IsTerminal, time::Instant};

use reconcile::Report;

/// How far it is, for people: on standard error where that is a terminal.
pub(crate) struct Progress {
    is_shown: bool,
    begun: Instant,
}

/// The same of work whose size is not known beforehand.
pub(crate) struct Steady(Progress);

impl Steady {
    pub fn new() -> Self {
        Self(Progress::new())
    }

    pub fn show(&self, done: u64, what: &str) {
        if self.0.is_shown {
            let rate = done as f64 / self.0.begun.elapsed().as_secs_f64().max(0.001);
            eprint!("\r\x1b[K{done} {what}, {rate:.0} per second");
        }
    }

    pub fn end(&self) {
        self.0.end();
    }
}

/// Of the bar, in characters.
const WIDTH: u64 = 30;

impl Progress {
    pub fn new() -> Self {
        Self { is_shown: std::io::stderr().is_terminal(), begun: Instant::now() }
    }

    pub fn show(&self, rows: u64, report: &Report) {
        if !self.is_shown {
            return;
        }
        let rate = rows as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
        let bar = match (report.read_of(WIDTH), report.read_of(100)) {
            (Some(done), Some(percent)) => {
                let (done, left) = ("#".repeat(done as usize), "·".repeat((WIDTH - done) as usize));
                format!("[{done}{left}] {percent:3} %")
            }
            _ => String::new(),
        };
        eprint!("\r\x1b[K{} {bar} {rows} rows, {rate:.0} per second", report.name());
    }

    pub fn end(&self) {
        if self.is_shown {
            eprint!("\r\x1b[K");
        }
    }
}

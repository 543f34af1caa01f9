//! A wall clock that a test moves while programs go by it: `clock.c`, put before their C library.

use std::{fs, path::PathBuf, process::Command};

use chrono::{DateTime, Duration, Utc};

use crate::new_directory;

/// The clock of those programs that were given its [`environment`](WallClock::environment).
pub struct WallClock {
    directory: PathBuf,
    /// By how much it is ahead of the real one.
    offset: Duration,
}

impl WallClock {
    /// One that says `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        let mut clock = Self { directory: new_directory(), offset: Duration::zero() };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/clock.c");
        let built = Command::new("cc").args(["-O2", "-shared", "-fPIC", source, "-o"]).arg(clock.file("clock.so")).status();
        assert!(built.unwrap().success(), "clock.c was not built");
        clock.set(now);
        clock
    }

    fn file(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// What puts a program on this clock.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("LD_PRELOAD", self.file("clock.so")), ("CLOCK_OFFSET_FILE", self.file("offset"))]
    }

    /// Moves it, for all who go by it, at once.
    pub fn set(&mut self, now: DateTime<Utc>) {
        self.offset = now - clock::now();
        // Replaced as a whole: nobody reads an empty one.
        let next = self.file("next");
        fs::write(&next, self.offset.num_seconds().to_string()).unwrap();
        fs::rename(next, self.file("offset")).unwrap();
    }

    /// The same by that much, forward or back.
    pub fn pass(&mut self, time: Duration) {
        self.set(self.now() + time);
    }

    /// What it says, to a second.
    pub fn now(&self) -> DateTime<Utc> {
        clock::now() + Duration::seconds(self.offset.num_seconds())
    }

    /// The same in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.now().timestamp_millis()
    }
}

impl Drop for WallClock {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

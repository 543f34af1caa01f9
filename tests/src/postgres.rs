use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::free_port;

/// A directory that goes with its owner. In a struct it stands behind whatever writes there to its end.
pub struct OwnDirectory(pub PathBuf);

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A PostgreSQL server of one's own, to be stopped and started.
pub struct Postgres {
    directory: PathBuf,
    url: String,
}

impl Postgres {
    pub fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[])
    }

    /// The same with further lines of its configuration.
    pub fn start_with(directory: &Path, options: &[&str]) -> Self {
        let directory = directory.join("postgres");
        let port = free_port().to_string();
        let url = script(&[&["start", directory.to_str().unwrap(), &port][..], options].concat());
        Self { directory, url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its first process.
    pub fn pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.directory.join("pg/postmaster.pid")).unwrap();
        text.lines().next().unwrap().parse().unwrap()
    }

    /// Ends it like a power failure of its processes.
    pub fn stop(&self) {
        script(&["stop", self.directory.to_str().unwrap(), "immediate"]);
    }

    pub fn resume(&self) {
        script(&["start", self.directory.to_str().unwrap()]);
    }

    /// Makes a base backup of it, which was started with the option `archive`. Returns where that is.
    pub fn back_up(&self) -> PathBuf {
        let to = self.directory.join("base");
        script(&["backup", self.directory.to_str().unwrap(), to.to_str().unwrap()]);
        to
    }

    /// It is again what it was at `time`, as it told that itself: from a base backup, and from what it logged since.
    pub fn restore(&self, base: &Path, time: &str) {
        script(&["restore", self.directory.to_str().unwrap(), base.to_str().unwrap(), time]);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
        let _ = Command::new(path).args(["stop", self.directory.to_str().unwrap(), "immediate"]).output();
    }
}

fn script(args: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
    let output = Command::new(path).args(args).output().unwrap();
    assert!(output.status.success(), "postgres {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

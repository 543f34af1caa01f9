use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A coordinator and two worker nodes of Citus of one's own, of which one may be stopped and started.
pub struct Distributed {
    directory: PathBuf,
    url: String,
}

impl Distributed {
    /// Starts them below `directory`.
    ///
    /// # Panics
    /// Where Citus is not installed; then it says what to install.
    pub fn start(directory: &Path) -> Self {
        let directory = directory.join("distributed");
        let url = script("start", &directory, &[]);
        Self { directory, url }
    }

    /// The coordinator's address, with its first database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A new database that the servers share; returns its address.
    pub fn database(&self, name: &str) -> String {
        script("database", &self.directory, &[name])
    }

    /// The same with a database that the coordinator has alone.
    pub fn join(&self, database_url: &str) {
        script("join", &self.directory, &[database_url.rsplit('/').next().unwrap()]);
    }

    /// Ends a node like a power failure of its processes.
    pub fn stop(&self, node: &str) {
        script("node", &self.directory, &[node, "stop"]);
    }

    /// Starts it again.
    pub fn resume(&self, node: &str) {
        script("node", &self.directory, &[node, "start"]);
    }
}

impl Drop for Distributed {
    fn drop(&mut self) {
        let _ = Command::new(path()).arg("stop").arg(&self.directory).arg("immediate").output();
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/distributed")
}

fn script(command: &str, directory: &Path, args: &[&str]) -> String {
    let output = Command::new(path()).arg(command).arg(directory).args(args).output().unwrap();
    assert!(output.status.success(), "distributed {command} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

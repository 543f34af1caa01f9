//! The program's standard output, as a shell connects it.
#![allow(clippy::unwrap_used)]

use std::{io, process::Command};

#[test]
fn a_command_whose_output_nobody_reads_ends_quietly() {
    for options in [&["settings"][..], &["settings", "--markdown"], &["--json", "settings"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_netbanx")).args(options).stdout(writer).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), told.as_ref()), (Some(141), ""), "{options:?}");
    }
}

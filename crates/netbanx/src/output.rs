//! Standard output. Who reads it may have enough before all is written (`netbanx … | head -1`): then the command ends at once.

use std::{
    fmt,
    io::{self, ErrorKind, Write},
    process,
};

/// What a shell shows of a program that SIGPIPE ended.
const NOBODY_READS: i32 = 141;

/// Writes `text`.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    let Err(error) = io::stdout().lock().write_fmt(text) else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        eprintln!("netbanx: standard output: {error}");
        process::exit(1);
    }
    process::exit(NOBODY_READS);
}

/// Writes a line as `println!` does.
macro_rules! outln {
    () => { $crate::output::write(format_args!("\n")) };
    ($($text:tt)+) => { $crate::output::write(format_args!("{}\n", format_args!($($text)+))) };
}

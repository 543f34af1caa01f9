//! Goes through all worlds: `interleavings` the small ones, `interleavings large` those that take minutes.

use std::{process::ExitCode, time::Instant};

use interleavings::{explore::explore, lua::Scripts, worlds};

fn main() -> ExitCode {
    let large = std::env::args().nth(1).is_some_and(|size| size == "large");
    for (name, world) in worlds::all(large) {
        let begun = Instant::now();
        match explore(&world, Scripts::load(), 16) {
            Ok(found) => {
                println!("{name}: {} moments, {} steps, {:.1} s", found.moments, found.steps, begun.elapsed().as_secs_f64());
            }
            Err(broken) => {
                println!("{name}: {}", broken.what);
                broken.history.iter().for_each(|step| println!("  {step:?}"));
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

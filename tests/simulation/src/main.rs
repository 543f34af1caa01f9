//! Goes through seeds: `simulation 10000`, or one again: `simulation --seed 17`.

use std::{collections::BTreeMap, process::ExitCode, time::Instant};

use simulation::run::{Broken, Options, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seed", seed] => seed.parse().map(|seed| seed..seed + 1),
        [count] => count.parse().map(|count| 0..count),
        _ => Ok(0..100),
    };
    let Ok(seeds) = seeds else {
        eprintln!("simulation COUNT, or simulation --seed SEED");
        return ExitCode::FAILURE;
    };
    let begun = Instant::now();
    let (mut done, mut broken, mut sums) = (0_u64, Vec::new(), BTreeMap::<&str, u64>::new());
    for seed in seeds {
        match run(seed, Options { is_calm: std::env::var_os("CALM").is_some(), ..Options::default() }) {
            Ok(held) => {
                if arguments.len() > 1 {
                    println!("{held:?}");
                }
                for (name, count) in held.faults {
                    *sums.entry(name).or_default() += count;
                }
                for (name, count) in [("webhooks", held.webhooks), ("commands", held.commands), ("answers", held.answers)] {
                    *sums.entry(name).or_default() += count;
                }
                *sums.entry("simulated seconds").or_default() += held.milliseconds / 1000;
            }
            Err(Broken { what, history }) => {
                println!("seed {seed}: {what}");
                if std::env::var_os("BRIEF").is_none() { history.iter().for_each(|line| println!("  {line}")); }
                broken.push(seed);
            }
        }
        done += 1;
        if done.is_multiple_of(100) {
            println!("{done} seeds, {:.0} s, broken: {broken:?}", begun.elapsed().as_secs_f64());
        }
    }
    println!("{done} seeds, {:.1} s, broken: {broken:?}", begun.elapsed().as_secs_f64());
    sums.iter().for_each(|(name, count)| println!("  {count:>9} {name}"));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! Goes through seeds: `simulation 10000`, or some of them: `simulation 400..500`, each in a process of its own, so that whatever a process
//! remembers is the same for each; or through one: `simulation --seed 17`.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::Path,
    process::{Command, ExitCode},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use simulation::{
    run::{Options, run},
    setup,
};

/// How long a seed may take, on a machine that has much else to do: some take two seconds.
const LONGEST: Duration = Duration::from_secs(90);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seed", seed] => number(seed).map(one),
        [seeds] => match seeds.split_once("..") {
            Some((from, to)) => number(from).zip(number(to)).map(|(from, to)| all(from..to)),
            None => number(seeds).map(|count| all(0..count)),
        },
        _ => Some(all(0..100)),
    }
    .unwrap_or_else(|| {
        eprintln!("simulation COUNT, simulation FROM..TO, or simulation --seed SEED");
        ExitCode::FAILURE
    })
}

/// Goes through one seed, and tells what it was like: a line for each count.
fn one(seed: u64) -> ExitCode {
    thread::spawn(move || {
        thread::sleep(LONGEST);
        println!("seed {seed}: it does not come to its end");
        std::process::exit(1);
    });
    match run(seed, Options::default()) {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("seed {seed}: {broken}");
            ExitCode::FAILURE
        }
    }
}

/// What all seeds came to.
#[derive(Default)]
struct Sums {
    counts: BTreeMap<String, u64>,
    broken: Vec<u64>,
    done: u64,
}

fn all(seeds: Range<u64>) -> ExitCode {
    let begun = Instant::now();
    let first = setup::new_directory();
    setup::make(&first);
    let (next, sums) = (AtomicU64::new(seeds.start), Mutex::new(Sums::default()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let (held, told) = in_process(seed, &first);
                    let mut sums = sums.lock().expect("no thread panics");
                    sums.add(seed, held, &told);
                    if sums.done.is_multiple_of(500) {
                        println!("{} seeds, {:.0} s", sums.done, begun.elapsed().as_secs_f64());
                    }
                }
            });
        }
    });
    drop(std::fs::remove_dir_all(&first));
    let Sums { counts, broken, done } = sums.into_inner().expect("no thread panics");
    counts.iter().for_each(|(name, count)| println!("{count:>10} {name}"));
    println!("{done} seeds, {:.0} s, broken: {broken:?}", begun.elapsed().as_secs_f64());
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Goes through a seed in a process of its own; whether it held, and what it says.
fn in_process(seed: u64, first: &Path) -> (bool, String) {
    let own = std::env::current_exe().expect("this program has a path");
    let output = Command::new(own).args(["--seed", &seed.to_string()]).env(setup::VARIABLE, first).output();
    let output = output.expect("this program can be run");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), told)
}

impl Sums {
    fn add(&mut self, seed: u64, held: bool, told: &str) {
        self.done += 1;
        if !held {
            println!("{told}\nagain: make simulate SEED={seed}");
            self.broken.push(seed);
            return;
        }
        for line in told.lines() {
            let Some((count, name)) = line.trim().split_once(' ') else { continue };
            // The hash of the history is no count.
            if let Ok(count) = count.parse::<u64>() {
                *self.counts.entry(name.to_owned()).or_default() += count;
            }
        }
    }
}

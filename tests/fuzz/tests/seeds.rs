//! Every seed, and a bounded number of mutations of them, on every target.

use std::{fs, path::Path};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Mutated inputs of each target, but of the one that asks Redis.
const MUTATIONS: usize = 1_000;
const ASKED: usize = 200;
/// Longest input, in bytes.
const LONGEST: usize = 4_096;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A seed with some bytes changed, taken out, doubled, or taken from another seed.
fn mutated(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    const WORDS: [&str; 9] = ["\"", "\\u0000", "{\"", "4111 1111 1111 1111", "%34", "\u{feff}", "null", "1e400", "\\"];
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] = random.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 => drop(bytes.drain(at..bytes.len().min(at + random.random_range(0..16)))),
            3 => {
                let piece = bytes[at..bytes.len().min(at + 24)].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => drop(bytes.splice(at..at, WORDS.choose(random).unwrap().bytes())),
            _ => {
                let other = seeds.choose(random).unwrap();
                let from = random.random_range(0..=other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

fn run(name: &str) {
    let (target, seeds) = (fuzz::target(name).unwrap(), seeds(name));
    for seed in &seeds {
        target(seed);
    }
    // The same each time: what fails, fails again.
    let mut random = StdRng::seed_from_u64(name.bytes().map(u64::from).sum());
    for n in 0..if name == "enqueue" { ASKED } else { MUTATIONS } {
        let bytes = mutated(&mut random, &seeds);
        let ran = std::panic::catch_unwind(|| target(&bytes));
        assert!(ran.is_ok(), "{name}, input {n}: {:?}", String::from_utf8_lossy(&bytes));
    }
}

macro_rules! targets {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })+

        #[test]
        fn none_is_left_out() {
            let all: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, [$(stringify!($name)),+]);
        }
    };
}

targets!(json envelope job masking signature query cursor cookie record enqueue);

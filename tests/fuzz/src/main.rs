//! libFuzzer over the target that `FUZZ_TARGET` names; see `scripts/fuzz`.
#![no_main]
#![allow(unsafe_code, reason = "libFuzzer calls by name")]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let run = TARGET.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
        fuzz::target(&name).expect("there is such a target")
    });
    run(bytes);
});

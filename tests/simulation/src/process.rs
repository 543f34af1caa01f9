//! What a thread reads of time and of chance. Within a simulation the C library's `clock_gettime` and `getrandom` answer what the seed
//! says; other threads get what the kernel says. So everything that the services use goes by one clock and one seed: the wall clock,
//! `Instant`, ids, the order of hash maps. (madsim does the same.)
#![allow(unsafe_code, reason = "the C library's functions are taken over")]

use std::{
    cell::Cell,
    ffi::{c_int, c_long, c_uint, c_void},
};

#[repr(C)]
struct Timespec {
    secs: i64,
    nanos: c_long,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

#[cfg(target_arch = "x86_64")]
const CALLS: (c_long, c_long) = (228, 318);
#[cfg(target_arch = "aarch64")]
const CALLS: (c_long, c_long) = (113, 278);

const WALL: c_int = 0;
const STEADY: c_int = 1;

/// What the steady clock says at a simulation's beginning: far from zero, since much subtracts from it.
const STEADY_BEGIN_NS: u64 = 1_000_000_000_000_000;

/// What the wall clock says at the first seed's beginning: a day in November 2025, as milliseconds since 1970.
const FIRST_WALL_MS: i64 = 1_763_553_600_000;

/// How much later each seed begins than the one before, and how many do. The ids that a process gives never go back in time: so seeds
/// that come one after another are each what they are alone, and days and years are passed at that.
const LATER: (i64, u64) = (6 * 3_600_000, 20_000);

/// What a simulation's thread sees.
#[derive(Clone, Copy)]
struct Simulated {
    /// Since the beginning.
    elapsed_ns: u64,
    wall_begin_ms: i64,
    wall_ahead_ms: i64,
    chance: u64,
}

thread_local! {
    static SIMULATED: Cell<Option<Simulated>> = const { Cell::new(None) };
}

/// From now on this thread is simulated.
pub fn begin(seed: u64) {
    let later = LATER.0 * (1 + seed % LATER.1) as i64;
    SIMULATED.set(Some(Simulated { elapsed_ns: 0, wall_begin_ms: FIRST_WALL_MS + later, wall_ahead_ms: 0, chance: seed }));
}

/// The same for what is before every seed.
pub fn begin_first() {
    SIMULATED.set(Some(Simulated { elapsed_ns: 0, wall_begin_ms: FIRST_WALL_MS, wall_ahead_ms: 0, chance: 0 }));
}

/// What the wall clock said at the beginning, in milliseconds since 1970.
pub fn wall_begin_ms() -> i64 {
    SIMULATED.get().map_or(0, |simulated| simulated.wall_begin_ms)
}

/// Whether this thread is simulated.
pub fn is_simulated() -> bool {
    SIMULATED.get().is_some()
}

fn change(change: impl FnOnce(&mut Simulated)) {
    if let Some(mut simulated) = SIMULATED.get() {
        change(&mut simulated);
        SIMULATED.set(Some(simulated));
    }
}

/// Sets how long it is since the beginning.
pub fn set_elapsed_ns(elapsed_ns: u64) {
    change(|simulated| simulated.elapsed_ns = elapsed_ns);
}

/// Sets how far the wall clock is ahead of the steady one.
pub fn set_wall_ahead_ms(ahead_ms: i64) {
    change(|simulated| simulated.wall_ahead_ms = ahead_ms);
}

/// Milliseconds since the beginning.
pub fn elapsed_ms() -> u64 {
    SIMULATED.get().map_or(0, |simulated| simulated.elapsed_ns / 1_000_000)
}

/// A next number of splitmix64.
fn next(chance: &mut u64) -> u64 {
    *chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*chance ^ (*chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The C library's, for all threads.
///
/// # Safety
///
/// As of the C library: `at` is a valid place.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, at: *mut Timespec) -> c_int {
    let simulated = SIMULATED.try_with(Cell::get).ok().flatten();
    let ns = match (simulated, clock) {
        (Some(simulated), STEADY) => STEADY_BEGIN_NS + simulated.elapsed_ns,
        (Some(simulated), WALL) => {
            ((simulated.wall_begin_ms + simulated.wall_ahead_ms) as u64).wrapping_mul(1_000_000) + simulated.elapsed_ns
        }
        // SAFETY: what the caller answers for.
        _ => return unsafe { syscall(CALLS.0, clock, at) } as c_int,
    };
    // SAFETY: the caller says that it is valid.
    unsafe { at.write(Timespec { secs: (ns / 1_000_000_000) as i64, nanos: (ns % 1_000_000_000) as c_long }) };
    0
}

/// The C library's, for all threads.
///
/// # Safety
///
/// As of the C library: there is room for `length` bytes at `at`.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(at: *mut c_void, length: usize, flags: c_uint) -> isize {
    let Some(mut simulated) = SIMULATED.try_with(Cell::get).ok().flatten() else {
        // SAFETY: what the caller answers for.
        return unsafe { syscall(CALLS.1, at, length, flags) } as isize;
    };
    for offset in 0..length {
        let byte = next(&mut simulated.chance) as u8;
        // SAFETY: the caller says that there is room.
        unsafe { at.cast::<u8>().add(offset).write(byte) };
    }
    SIMULATED.set(Some(simulated));
    length as isize
}

//! LZ4 blocks behind a dictionary (the LZ4 block format). A library reads them; its way of making them goes through the
//! dictionary again for each, which for a short job is most of the work: here it is done once.

/// Places of the table of what was seen: a power of two. So few that they are copied at once for each block, and more than
/// a job has places worth knowing.
const SLOTS: usize = 1024;
/// Where bytes were seen, by their hash. A match is back no further than 16 bits tell, so that no more of a place is kept.
type Places = [u16; SLOTS];
/// Bytes that must be equal. The format has matches of four, but eight are compared as fast, and behind a dictionary shorter
/// ones save little.
const EQUAL: usize = 8;
/// Bytes of a match that its token does not count.
const MIN_MATCH: usize = 4;
/// Bytes at the end that are no match, and before which the last one begins.
const LAST_LITERALS: usize = 5;
const LAST_MATCH: usize = 12;
/// Where nothing was found so often, as a power of two, the next step is one longer.
const PATIENCE: u32 = 3;
/// Literals up to so many are copied as so many.
const WILD: usize = 16;
/// What a token's half counts up to; more follows in bytes of their own.
const HALF: usize = 15;

/// Makes blocks, one after the other.
#[derive(Debug)]
pub(crate) struct Encoder {
    dictionary: &'static [u8],
    /// Where the dictionary has what, as [`note`]d.
    known: Box<Places>,
    /// The same of the dictionary and what was looked at of the payload.
    seen: Box<Places>,
    /// The dictionary and the payload behind it.
    window: Vec<u8>,
}

impl Encoder {
    /// One that has no dictionary yet.
    pub fn new() -> Self {
        let nothing = Box::new([0; SLOTS]);
        Self { dictionary: &[], seen: nothing.clone(), known: nothing, window: Vec::new() }
    }

    /// Packs behind `dictionary` from now on.
    pub fn behind(&mut self, dictionary: &'static [u8]) -> &mut Self {
        if !std::ptr::eq(self.dictionary, dictionary) {
            self.known.fill(0);
            for (at, bytes) in (0..).map_while(|at| Some((at, eight(dictionary, at)?))) {
                note(&mut self.known, bytes, at);
            }
            self.window.clear();
            self.window.extend_from_slice(dictionary);
            self.dictionary = dictionary;
        }
        self
    }

    /// Adds `payload` to `block`. Nothing where it does not fit the format, which no payload that is bounded does.
    pub fn pack(&mut self, payload: &[u8], block: &mut Vec<u8>) -> Option<()> {
        let begin = self.dictionary.len();
        self.window.truncate(begin);
        self.window.extend_from_slice(payload);
        self.seen.copy_from_slice(self.known.as_slice());
        let (window, seen) = (self.window.as_slice(), &mut self.seen);
        let last_start = window.len().checked_sub(LAST_MATCH);
        let last_end = window.len().saturating_sub(LAST_LITERALS);
        let (mut written, mut at, mut misses) = (begin, begin, 1_u32 << PATIENCE);
        while last_start.is_some_and(|last| at <= last) {
            let bytes = eight(window, at)?;
            let distance = note(seen, bytes, at);
            if distance == 0 || distance > at || eight(window, at - distance)? != bytes {
                at += (misses >> PATIENCE) as usize;
                misses += 1;
                continue;
            }
            misses = 1 << PATIENCE;
            let start = at - equal_before(window.get(written..at)?, window.get(..at - distance)?);
            let end = (at + EQUAL + equal_behind(window, at + EQUAL, distance)).min(last_end);
            add_sequence(block, window, written..start, Some((distance, end - start)))?;
            (written, at) = (end, end);
            // The end of one match is often the beginning of another.
            if let Some(bytes) = eight(window, end - 2) {
                note(seen, bytes, end - 2);
            }
        }
        add_sequence(block, window, written..window.len(), None)
    }
}

fn eight(window: &[u8], at: usize) -> Option<u64> {
    window.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Notes that `bytes` stand at `at`. Returns how far back they were last, or others that share their slot, or anything where
/// it was further than 16 bits tell: anyone who asks looks there.
fn note(table: &mut Places, bytes: u64, at: usize) -> usize {
    // Multiplied by 2^64 over the golden ratio, the highest bits are well mixed.
    let slot = bytes.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.trailing_zeros());
    let here = at as u16;
    table.get_mut(slot as usize).map_or(0, |place| here.wrapping_sub(std::mem::replace(place, here)).into())
}

/// How many bytes at the ends of both are equal.
fn equal_before(a: &[u8], b: &[u8]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// How many bytes from `at` on are as those `distance` before them.
fn equal_behind(window: &[u8], at: usize, distance: usize) -> usize {
    let mut length = 0;
    while let (Some(first), Some(second)) = (eight(window, at + length), eight(window, at - distance + length)) {
        let different = first ^ second;
        if different != 0 {
            return length + (different.trailing_zeros() / u8::BITS) as usize;
        }
        length += size_of::<u64>();
    }
    let tail = |at| window.get(at + length..).unwrap_or_default();
    length + tail(at).iter().zip(tail(at - distance)).take_while(|(a, b)| a == b).count()
}

/// A token, the literals, and the match behind them, if one is: how far back it is and its length.
fn add_sequence(
    block: &mut Vec<u8>,
    window: &[u8],
    literals: std::ops::Range<usize>,
    found: Option<(usize, usize)>,
) -> Option<()> {
    let more = found.map_or(0, |(_, length)| length - MIN_MATCH);
    let length = literals.len();
    block.push((length.min(HALF) << 4 | more.min(HALF)) as u8);
    add_rest(block, length);
    if length <= WILD
        && let Some(wild) = window.get(literals.start..).and_then(|rest| rest.first_chunk::<WILD>())
    {
        let end = block.len() + length;
        block.extend_from_slice(wild);
        block.truncate(end);
    } else {
        block.extend_from_slice(window.get(literals)?);
    }
    if let Some((distance, _)) = found {
        block.extend_from_slice(&u16::try_from(distance).ok()?.to_le_bytes());
        add_rest(block, more);
    }
    Some(())
}

/// What of a length its half of the token does not tell.
fn add_rest(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(HALF) else { return };
    while rest >= 255 {
        block.push(255);
        rest -= 255;
    }
    block.push(rest as u8);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lz4_flex::block::decompress_with_dict;
    use rand::{RngCore, SeedableRng, rngs::StdRng};

    use super::*;

    const DICTIONARIES: [&[u8]; 3] = [b"", b"short", b"{\"a\":\"what nearly all of them say\",\"b\":"];

    fn packed(encoder: &mut Encoder, payload: &[u8], dictionary: &'static [u8]) -> usize {
        let mut block = Vec::new();
        encoder.behind(dictionary).pack(payload, &mut block).unwrap();
        assert_eq!(decompress_with_dict(&block, payload.len(), dictionary).unwrap(), payload);
        block.len()
    }

    fn random(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        StdRng::seed_from_u64(length as u64).fill_bytes(&mut bytes);
        bytes
    }

    #[test]
    fn literals_and_matches_of_any_length_are_read() {
        let mut encoder = Encoder::new();
        for length in (0..60).chain(250..300).chain(500..540).chain([65_534, 65_535, 65_536, 200_000]) {
            for dictionary in DICTIONARIES {
                assert!(packed(&mut encoder, &random(length), dictionary) <= length + length / 255 + 2);
                assert!(packed(&mut encoder, &vec![b'x'; length], dictionary) <= 24 + length / 255);
            }
        }
    }

    #[test]
    fn what_lies_further_back_than_a_match_can_is_no_match() {
        let piece = random(300);
        let furthest = usize::from(u16::MAX);
        for between in [furthest - 300, furthest - 299, furthest, 70_000] {
            let payload = [piece.as_slice(), &vec![0; between - 4], &[1; 4], &piece].concat();
            let length = packed(&mut Encoder::new(), &payload, b"");
            assert_eq!(length < 2 * piece.len(), between + piece.len() <= furthest, "{between}");
        }
    }

    #[test]
    fn a_dictionary_is_made_use_of() {
        let [.., dictionary] = DICTIONARIES;
        let mut encoder = Encoder::new();
        let payload = [dictionary, b"1}"].concat();
        assert!(packed(&mut encoder, &payload, dictionary) * 2 < packed(&mut encoder, &payload, b""));
    }
}

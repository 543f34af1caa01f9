//! Where a report comes from: gzip and byte order marks are recognised by their first bytes, whatever the file is called.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use encoding_rs::{Decoder, Encoding, UTF_8};
use flate2::read::MultiGzDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// The text of a report, and how much of the file was read.
pub(crate) struct Source {
    reader: Box<dyn Read + Send + Sync>,
    /// Whether a byte order mark says that it is Unicode: otherwise what is no UTF-8 is Windows-1252.
    pub is_unicode: bool,
    /// Size of the file in bytes, where it is one.
    pub size: Option<u64>,
    read: Arc<AtomicU64>,
}

impl Source {
    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::of(io::stdin(), None);
        }
        let file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        Self::of(file, about.is_file().then_some(about.len()))
    }

    /// Whatever `reader` reads.
    pub fn of(reader: impl Read + Send + Sync + 'static, size: Option<u64>) -> io::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let counted = BufReader::with_capacity(CHUNK, Counted { reader, read: Arc::clone(&read) });
        let (begin, reader) = peeked(Box::new(counted), GZIP.len())?;
        let plain: Box<dyn Read + Send + Sync> =
            if begin == GZIP { Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(reader))) } else { reader };
        let (begin, mut text) = peeked(plain, 3)?;
        let Some((encoding, mark)) = Encoding::for_bom(&begin) else {
            return Ok(Self { reader: text, is_unicode: false, size, read });
        };
        text.read_exact(&mut vec![0; mark])?;
        let reader: Box<dyn Read + Send + Sync> = if encoding == UTF_8 { text } else { Box::new(Decoded::new(text, encoding)) };
        Ok(Self { reader, is_unicode: true, size, read })
    }

    /// Bytes of the file that were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reader.read(out)
    }
}

/// The first `count` bytes, as far as there are so many, and a reader of all of them.
fn peeked(mut reader: Box<dyn Read + Send + Sync>, count: usize) -> io::Result<(Vec<u8>, Box<dyn Read + Send + Sync>)> {
    let mut begin = Vec::new();
    reader.by_ref().take(count as u64).read_to_end(&mut begin)?;
    Ok((begin.clone(), Box::new(Cursor::new(begin).chain(reader))))
}

struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(out)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// UTF-16 as UTF-8.
struct Decoded {
    reader: Box<dyn Read + Send + Sync>,
    decoder: Decoder,
    text: Cursor<String>,
    is_at_end: bool,
}

impl Decoded {
    fn new(reader: Box<dyn Read + Send + Sync>, encoding: &'static Encoding) -> Self {
        Self { reader, decoder: encoding.new_decoder_without_bom_handling(), text: Cursor::default(), is_at_end: false }
    }
}

impl Read for Decoded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.text.read(out)?;
            if count > 0 || self.is_at_end {
                return Ok(count);
            }
            let mut bytes = Vec::with_capacity(CHUNK);
            self.reader.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
            self.is_at_end = bytes.is_empty();
            let mut text = String::with_capacity(CHUNK * 3);
            let _ = self.decoder.decode_to_string(&bytes, &mut text, self.is_at_end);
            self.text = Cursor::new(text);
        }
    }
}

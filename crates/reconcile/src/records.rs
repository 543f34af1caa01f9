//! Records of a CSV file, each by itself. A record that is broken costs its own line and no other: a quotation mark that is
//! opened and never closed does not swallow the rows behind it, and no record is kept that is longer than [`MAX_RECORD`].

use std::{
    borrow::Cow,
    io::{self, Read},
};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::WINDOWS_1252;
use memchr::{memchr, memchr_iter};

use crate::source::Source;

/// Longest record, in bytes.
const MAX_RECORD: usize = 256 * 1024;
/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;
/// What may stand between the fields.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

const UNCLOSED: &str = "a quotation mark is not closed";
const TOO_LONG: &str = "the line is too long";

/// What the next record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// As many fields as the header.
    Record,
    /// Not a record, for this reason; its fields are what can be made of its line.
    Broken(String),
    /// No more.
    End,
}

pub(crate) struct Records {
    source: Source,
    buffer: Vec<u8>,
    begin: usize,
    is_at_end: bool,
    separator: u8,
    parser: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// How many of `ends` are of this record.
    count: usize,
    /// How many fields the header has; nothing before it was read.
    width: Option<usize>,
    line: u64,
    line_behind: u64,
}

impl Records {
    /// Reads the header of `source`; returns nothing where there is none.
    pub fn of(source: Source) -> io::Result<Option<(Self, Vec<String>)>> {
        let mut records = Self {
            source,
            buffer: Vec::new(),
            begin: 0,
            is_at_end: false,
            separator: b',',
            parser: Reader::new(),
            fields: vec![0; 4096],
            ends: vec![0; 64],
            count: 0,
            width: None,
            line: 1,
            line_behind: 1,
        };
        records.find_separator()?;
        match records.next()? {
            Next::Record => {}
            Next::Broken(_) if records.count > 0 => {}
            _ => return Ok(None),
        }
        let header: Vec<String> = (0..records.count).map(|n| records.field(n).unwrap_or_default().trim().to_owned()).collect();
        records.width = Some(header.len());
        Ok(Some((records, header)))
    }

    /// The line on which the last record begins.
    pub fn line(&self) -> u64 {
        self.line
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// A field of the last record. What is neither marked as Unicode nor UTF-8 is Windows-1252, record by record.
    pub fn field(&self, number: usize) -> Option<Cow<'_, str>> {
        if number >= self.count {
            return None;
        }
        let end = *self.ends.get(number)?;
        let begin = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let bytes = self.fields.get(begin..end)?;
        if self.source.is_unicode {
            return Some(String::from_utf8_lossy(bytes));
        }
        Some(std::str::from_utf8(bytes).map_or_else(|_| WINDOWS_1252.decode_without_bom_handling(bytes).0, Cow::Borrowed))
    }

    pub fn next(&mut self) -> io::Result<Next> {
        if !self.skip_empty_lines()? {
            return Ok(Next::End);
        }
        self.line = self.line_behind;
        loop {
            self.parser.reset();
            let data = self.buffer.get(self.begin..).unwrap_or_default();
            let (result, read, _, count) = self.parser.read_record(data, &mut self.fields, &mut self.ends);
            match result {
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if data.len() >= MAX_RECORD => return self.broken(UNCLOSED),
                ReadRecordResult::InputEmpty => {
                    if !self.fill()? {
                        return self.broken(UNCLOSED);
                    }
                }
                ReadRecordResult::End => return Ok(Next::End),
                ReadRecordResult::Record => {
                    let record = data.get(..read).unwrap_or_default();
                    let has_lines = memchr(b'\n', record.trim_ascii_end()).is_some();
                    let lines = memchr_iter(b'\n', record).count();
                    self.count = count;
                    if let Some(reason) = self.misfit() {
                        if has_lines {
                            return self.broken(UNCLOSED);
                        }
                        self.pass(read, lines);
                        return Ok(Next::Broken(reason));
                    }
                    self.pass(read, lines);
                    return Ok(Next::Record);
                }
            }
        }
    }

    /// Why the record does not fit the header. Separators at its end, as spreadsheets leave them, do no harm.
    fn misfit(&self) -> Option<String> {
        let width = self.width?;
        let is_padded =
            self.count > width && (width..self.count).all(|n| self.field(n).is_some_and(|text| text.trim().is_empty()));
        let is_fit = self.count == width || is_padded;
        (!is_fit).then(|| format!("has {} fields where the header has {width}", self.count))
    }

    fn pass(&mut self, bytes: usize, lines: usize) {
        self.begin += bytes;
        self.line_behind += lines as u64;
    }

    /// Passes the first line that is left, whose fields are read as if quotation marks meant nothing.
    fn broken(&mut self, reason: &str) -> io::Result<Next> {
        let data = self.buffer.get(self.begin..).unwrap_or_default();
        let Some(end) = memchr(b'\n', data).or_else(|| memchr(b'\r', data)) else {
            self.count = 0;
            self.skip_line()?;
            return Ok(Next::Broken(TOO_LONG.to_owned()));
        };
        let line = data.get(..=end).unwrap_or_default();
        let mut parser = ReaderBuilder::new().delimiter(self.separator).quoting(false).build();
        let (result, .., count) = parser.read_record(line, &mut self.fields, &mut self.ends);
        self.count = if result == ReadRecordResult::Record { count } else { 0 };
        self.pass(end + 1, 1);
        Ok(Next::Broken(reason.to_owned()))
    }

    /// Passes a line that does not fit into the buffer.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let data = self.buffer.get(self.begin..).unwrap_or_default();
            if let Some(end) = memchr(b'\n', data) {
                self.pass(end + 1, 1);
                return Ok(());
            }
            self.begin = self.buffer.len();
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Whether anything follows.
    fn skip_empty_lines(&mut self) -> io::Result<bool> {
        loop {
            let data = self.buffer.get(self.begin..).unwrap_or_default();
            let empty = data.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let lines = memchr_iter(b'\n', data.get(..empty).unwrap_or_default()).count();
            let is_more = empty < data.len();
            self.pass(empty, lines);
            if is_more {
                return Ok(true);
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Reads on; returns whether there was more. The last line ends with a newline in any case.
    fn fill(&mut self) -> io::Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        self.buffer.drain(..self.begin.min(self.buffer.len()));
        self.begin = 0;
        let count = self.source.by_ref().take(CHUNK as u64).read_to_end(&mut self.buffer)?;
        if count > 0 {
            return Ok(true);
        }
        self.is_at_end = true;
        if self.buffer.last().is_some_and(|last| *last != b'\n') {
            self.buffer.push(b'\n');
            return Ok(true);
        }
        Ok(false)
    }

    /// What stands most often in the first line, outside quotation marks; or what a line `sep=;` before it says.
    fn find_separator(&mut self) -> io::Result<()> {
        if !self.skip_empty_lines()? {
            return Ok(());
        }
        let data = self.buffer.get(self.begin..).unwrap_or_default();
        let end = data.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(data.len());
        let line = data.get(..end).unwrap_or_default();
        if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] = line {
            self.separator = *separator;
            self.pass(end, 0);
        } else {
            let mut counts = [0_usize; SEPARATORS.len()];
            let mut is_quoted = false;
            for byte in line {
                is_quoted ^= *byte == b'"';
                let counted = counts.iter_mut().zip(SEPARATORS).filter(|(_, separator)| !is_quoted && separator == byte);
                counted.for_each(|(count, _)| *count += 1);
            }
            // The first of equals.
            let most = counts.iter().zip(SEPARATORS).rev().max_by_key(|(count, _)| **count);
            self.separator = most.map_or(b',', |(_, separator)| separator);
        }
        self.parser = ReaderBuilder::new().delimiter(self.separator).build();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    type Read = Vec<(u64, Result<Vec<String>, String>)>;

    fn read(bytes: &[u8]) -> (Vec<String>, Read) {
        let (mut records, header) = Records::of(Source::of(Cursor::new(bytes.to_vec()), None).unwrap()).unwrap().unwrap();
        let mut all = Vec::new();
        loop {
            let found = match records.next().unwrap() {
                Next::End => return (header, all),
                Next::Record => Ok((0..header.len()).map(|n| records.field(n).unwrap().into_owned()).collect()),
                Next::Broken(reason) => Err(reason),
            };
            all.push((records.line(), found));
        }
    }

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        read(bytes).1.into_iter().map(|(_, row)| row.unwrap()).collect()
    }

    #[test]
    fn separators_and_line_ends() {
        for text in ["a,b\n1,2\n", "a;b\r\n1;2\r\n", "a\tb\n\n1\t2", "a|b\r1|2\r", "sep=;\na;b\n1;2", "\"a\";\"b,,,\"\n1;2\n"] {
            let (header, found) = read(text.as_bytes());
            assert_eq!(header[0], "a", "{text:?}");
            assert_eq!(found.into_iter().map(|(_, row)| row.unwrap()).collect::<Vec<_>>(), [["1", "2"]], "{text:?}");
        }
        assert_eq!(read(b"a,b\r\n1,2\r\n\r\n3,4\r\n").1.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn encodings() {
        let expected = [["Müller", "€"]];
        let text = "a;b\nMüller;€\n";
        assert_eq!(rows(text.as_bytes()), expected);
        assert_eq!(rows(&[&[0xef, 0xbb, 0xbf], text.as_bytes()].concat()), expected);
        assert_eq!(rows(b"a;b\nM\xfcller;\x80\n"), expected);
        let utf16: Vec<u16> = std::iter::once(0xfeff).chain(text.encode_utf16()).collect();
        assert_eq!(rows(&utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>()), expected);
        assert_eq!(rows(&utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<u8>>()), expected);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        assert_eq!(rows(&gzip.finish().unwrap()), expected);
    }

    #[test]
    fn a_broken_record_costs_its_own_line_alone() {
        let (_, found) = read(b"a,b\n\"x,1\ny,2\nz\nq,\"5\n6\"\n\"u\"\"v\",3,,\nw,4,5\nlast,\"7");
        let expected: Read = vec![
            (2, Err(UNCLOSED.to_owned())),
            (3, Ok(vec!["y".to_owned(), "2".to_owned()])),
            (4, Err("has 1 fields where the header has 2".to_owned())),
            (5, Ok(vec!["q".to_owned(), "5\n6".to_owned()])),
            (7, Ok(vec!["u\"v".to_owned(), "3".to_owned()])),
            (8, Err("has 3 fields where the header has 2".to_owned())),
            (9, Err(UNCLOSED.to_owned())),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_without_end_and_files_without_header() {
        let long = [b"a,b\n".to_vec(), vec![b'x'; 3 * MAX_RECORD], b"\n1,2\n".to_vec()].concat();
        let (_, found) = read(&long);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], (3, Ok(vec!["1".to_owned(), "2".to_owned()])));
        for empty in [&b""[..], b"\n\r\n", b"\xef\xbb\xbf"] {
            assert!(Records::of(Source::of(Cursor::new(empty.to_vec()), None).unwrap()).unwrap().is_none());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            if bytes.starts_with(&[0x1f, 0x8b]) {
                return Ok(());
            }
            if let Ok(Some((mut records, _))) = Records::of(Source::of(Cursor::new(bytes), None).unwrap()) {
                while records.next().unwrap() != Next::End {}
            }
        }

        #[test]
        fn what_was_written_is_read(rows in proptest::collection::vec(("[a-z\",;\u{e4}\n ]{1,8}", "[0-9]{1,5}"), 1..30)) {
            let lines: Vec<String> = rows.iter().map(|(text, n)| format!("\"{}\",{n}", text.replace('"', "\"\""))).collect();
            let quoted = lines.join("\n");
            let expected: Vec<Vec<String>> = rows.iter().map(|(text, n)| vec![text.clone(), n.clone()]).collect();
            proptest::prop_assert_eq!(super::tests::rows(format!("a,b\n{quoted}").as_bytes()), expected);
        }
    }
}

//! A report: its rows, from first to last.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
};

use common::Kind;

use crate::{
    Error, Malformed, Mapping, Row,
    mapping::{Field, time_format_fault},
    records::{Next, Records},
    row::Form,
    source::Source,
};

/// How reports are to be read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Which column is what.
    pub mapping: Mapping,
    /// The kind of every row of a report that does not tell it.
    pub kind: Option<Kind>,
}

/// An open report, its header read. It holds one record at a time, whatever its size.
pub struct Report {
    name: String,
    number: usize,
    records: Records,
    form: Form,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Report {
    /// Opens the file at `path`, the run's `number`th (`-`: standard input), and reads its header.
    pub fn open(path: &Path, number: usize, reading: &Reading) -> Result<Self, Error> {
        let name = if path == Path::new("-") { PathBuf::from("standard input") } else { path.to_owned() };
        let name = name.display().to_string();
        let source = Source::open(path).map_err(|error| Error::Io { name: name.clone(), error })?;
        Self::of(source, name, number, reading)
    }

    /// The same of an open file, which is called `name`.
    pub fn of_file(file: File, name: String, number: usize, reading: &Reading) -> Result<Self, Error> {
        let size = file.metadata().ok().map(|about| about.len());
        let source = Source::of(file, size).map_err(|error| Error::Io { name: name.clone(), error })?;
        Self::of(source, name, number, reading)
    }

    fn of(source: Source, name: String, number: usize, reading: &Reading) -> Result<Self, Error> {
        if let Some(fault) = reading.mapping.time_format.as_deref().and_then(time_format_fault) {
            return Err(Error::TimeFormat(fault));
        }
        let found = Records::of(source).map_err(|error| Error::Io { name: name.clone(), error })?;
        let (records, header) = found.ok_or_else(|| Error::Empty(name.clone()))?;
        let columns = reading.mapping.columns(&name, &header, reading.kind.is_some())?;
        Ok(Self { name, number, records, form: Form { columns, mapping: reading.mapping.clone(), kind: reading.kind } })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of the files of a run it is.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether the report has a column for `field`.
    pub fn has(&self, field: Field) -> bool {
        self.form.columns.get(field).is_some()
    }

    /// How many of so many equal parts of the file were read so far; none where it has no size.
    pub fn read_of(&self, parts: u64) -> Option<u64> {
        let source = self.records.source();
        source.size.filter(|size| *size > 0).map(|size| source.bytes_read().min(size) * parts / size)
    }

    /// The next row; nothing behind the last. A row that cannot be read does not end the report.
    pub fn next_row(&mut self) -> Result<Option<Result<Row, Malformed>>, Error> {
        let next = self.records.next().map_err(|error| Error::Io { name: self.name.clone(), error })?;
        Ok(match next {
            Next::End => None,
            Next::Record => Some(self.form.row(self.number, &self.records)),
            Next::Broken(reason) => Some(Err(Malformed {
                file: self.number,
                line: self.records.line(),
                reason,
                id: self.form.id_of_broken(&self.records),
            })),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use common::Status;

    use super::*;
    use crate::Amounts;

    fn read(text: &str, reading: &Reading) -> Result<Vec<Result<Row, Malformed>>, String> {
        let path = std::env::temp_dir().join(format!("netbanx-report-{}.csv", uuid::Uuid::now_v7().simple()));
        std::fs::write(&path, text).unwrap();
        let report = Report::open(&path, 0, reading);
        std::fs::remove_file(&path).unwrap();
        let mut report = report.map_err(|error| error.to_string())?;
        Ok(std::iter::from_fn(|| report.next_row().unwrap()).collect())
    }

    #[test]
    fn rows_in_normal_form() {
        let text = "id,merchantRefNum,kind,status,amount,currency,time\n\
                    p1,r1,payment,Settled,3740,eur,2025-01-31T12:30:00Z\np2,,,,,,\n";
        let rows = read(text, &Reading::default()).unwrap();
        let first = Row {
            file: 0,
            line: 2,
            id: Some("p1".to_owned()),
            merchant_ref_num: Some("r1".to_owned()),
            kind: Some(Kind::Payment),
            status: Some(Status::Completed),
            unknown_status: None,
            amount: Some(3740),
            currency: Some("EUR".to_owned()),
            time_ms: Some(1_738_326_600_000),
            spans_ms: 0,
        };
        let second = Row { line: 3, id: Some("p2".to_owned()), ..Row::default() };
        assert_eq!(rows, [Ok(first), Ok(second)]);
    }

    #[test]
    fn amounts_in_major_units_by_currency() {
        let mapping = Mapping { amounts: Some(Amounts::Major), ..Mapping::default() };
        let reading = Reading { mapping, kind: None };
        let text = "id,amount,currency\na,37.40,EUR\nb,500,JPY\nc,1.234,KWD\nd,0.5,JPY\ne,5,\nf,\"1,250.00\",USD\n";
        let rows = read(text, &reading).unwrap();
        let amounts: Vec<Result<Option<i64>, &str>> =
            rows.iter().map(|row| row.as_ref().map(|row| row.amount).map_err(|bad| bad.reason.as_str())).collect();
        assert_eq!(
            amounts,
            [
                Ok(Some(3740)),
                Ok(Some(500)),
                Ok(Some(1234)),
                Err("amount '0.5' has more decimals than its currency"),
                Err("amount '5' has no currency"),
                Err("amount '1,250.00' is not a number"),
            ]
        );
        let mapping = Mapping { has_decimal_comma: true, ..reading.mapping };
        let rows = read("id;amount;currency\na;37,40;EUR\n", &Reading { mapping, kind: None }).unwrap();
        assert_eq!(rows.first().unwrap().as_ref().unwrap().amount, Some(3740));
    }

    #[test]
    fn a_status_that_nobody_knows_is_kept_as_it_is_written() {
        let rows = read("id,status\na,Approved\nb,settled\nc,4111111111111111\n", &Reading::default()).unwrap();
        let told: Vec<_> = rows.iter().flatten().map(|row| (row.status, row.unknown_status.as_deref())).collect();
        assert_eq!(told, [(None, Some("Approved")), (Some(Status::Completed), None), (None, Some("***1111"))]);
    }

    #[test]
    fn money_that_goes_out_has_no_minus() {
        let text = "id,kind,amount\na,REFUND,-40\nb,chargeback,-41\nc,payout,-42\nd,refund,43\ne,PAYMENT,-44\nf,,-45\n";
        let amounts = |reading: &Reading| -> Vec<Option<i64>> {
            read(text, reading).unwrap().iter().flatten().map(|row| row.amount).collect()
        };
        assert_eq!(amounts(&Reading::default()), [40, 41, 42, 43, -44, -45].map(Some));
        let told = Reading { kind: Some(Kind::Refund), ..Reading::default() };
        assert_eq!(amounts(&told).last(), Some(&Some(45)));
    }

    #[test]
    fn times_of_a_format_of_ones_own() {
        let times = |format: &str, text: &str| {
            let mapping = Mapping { time_format: Some(format.to_owned()), ..Mapping::default() };
            let rows = read(&format!("id,time\na,{text}\n"), &Reading { mapping, kind: None })?;
            Ok::<_, String>(rows.first().unwrap().as_ref().ok().map(|row| (row.time_ms.unwrap(), row.spans_ms)))
        };
        assert_eq!(times("%d/%m/%Y %H:%M", "31/01/2025 12:30"), Ok(Some((1_738_326_600_000, 0))));
        assert_eq!(times("%d/%m/%Y %H:%M %z", "31/01/2025 07:30 -0500"), Ok(Some((1_738_326_600_000, 0))));
        assert_eq!(times("%d/%m/%Y", "31/01/2025"), Ok(Some((1_738_281_600_000, 86_399_999))));
        for (format, text) in [
            ("%Y-%m-%d", "-9999-01-01"),
            ("%Y-%m-%d", "+262000-01-01"),
            ("%Y-%m-%d", "1900-01-01"),
            ("%Y-%m-%d %H:%M", "1969-12-31 23:59"),
            ("%Y-%m-%d %z", "2025-01-31 +0100"),
            ("%Y-%m-%d %H:%M %z", "2025-01-31 12:30 +9900"),
        ] {
            assert_eq!(times(format, text), Ok(None), "{format} {text}");
        }
        // As it may have been saved.
        assert!(times("%d/%m/%Y %H:%M %Z", "31/01/2025 12:30 EST").unwrap_err().contains("%Z"));
    }

    #[test]
    fn malformed_rows_tell_line_reason_and_whom_they_name() {
        let text = "id,kind,amount,currency,time\na,fee,1,EUR,\nb,PAYMENT,x,EUR,\nc,PAYMENT,1,EURO,\nd,PAYMENT,1,EUR,soon\n,,,,\ne,1\nf,PAYMENT,1,EUR,\n";
        let rows = read(text, &Reading::default()).unwrap();
        let bad: Vec<(u64, Option<&str>)> =
            rows.iter().filter_map(|row| row.as_ref().err()).map(|bad| (bad.line, bad.id.as_deref())).collect();
        assert_eq!(bad, [(2, Some("a")), (3, Some("b")), (4, Some("c")), (5, Some("d")), (6, None), (7, Some("e"))]);
        assert_eq!(rows.len(), 7);
    }

    #[test]
    fn without_ids_a_report_needs_what_a_reference_is_matched_by() {
        let header = "reference,amount,currency,date\n";
        assert!(read(header, &Reading::default()).unwrap_err().contains("for kind"));
        let told = Reading { kind: Some(Kind::Refund), ..Reading::default() };
        let rows = read(&format!("{header}r1,5,EUR,2025-01-31\n"), &told).unwrap();
        assert_eq!(rows.first().unwrap().as_ref().unwrap().kind, Some(Kind::Refund));
    }
}

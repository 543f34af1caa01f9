//! Which column of a report is which field.

use std::collections::BTreeMap;

use chrono::format::{Fixed, Item, StrftimeItems};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a report may tell of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// The transaction's id at Netbanx.
    Id,
    /// The purchase.
    MerchantRefNum,
    /// PAYMENT, REFUND, …
    Kind,
    /// COMPLETED, FAILED, …
    Status,
    /// In minor or in major units: see [`Amounts`].
    Amount,
    /// ISO 4217.
    Currency,
    /// When it was made.
    Time,
}

impl Field {
    /// Every field, in the order of the default columns.
    pub const ALL: [Self; 7] =
        [Self::Id, Self::MerchantRefNum, Self::Kind, Self::Status, Self::Amount, Self::Currency, Self::Time];
    /// What a row needs to be matched without an id.
    const OF_REFERENCE: [Self; 5] = [Self::MerchantRefNum, Self::Kind, Self::Amount, Self::Currency, Self::Time];

    /// Its name in mappings, and the default name of its column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::MerchantRefNum => "merchantRefNum",
            Self::Kind => "kind",
            Self::Status => "status",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Time => "time",
        }
    }

    /// The field of that name, in any spelling.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| folded(field.as_str()) == folded(name))
    }

    /// Names that its column usually has, folded, the surest first.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Id => &[
                "id",
                "transactionid",
                "txnid",
                "paymentid",
                "externalid",
                "resourceid",
                "netbanxid",
                "paysafeid",
                "netbanxtransactionid",
                "paysafetransactionid",
                "settlementid",
                "refundid",
                "transactionnumber",
                "confirmationnumber",
            ],
            Self::MerchantRefNum => &[
                "merchantrefnum",
                "merchantrefnumber",
                "merchantref",
                "merchantreference",
                "merchantreferencenumber",
                "merchanttransactionid",
                "merchanttxnid",
                "refnum",
                "refnumber",
                "reference",
                "referencenumber",
                "ref",
                "orderid",
                "ordernumber",
            ],
            Self::Kind => &["kind", "type", "transactiontype", "txntype", "transactionkind", "operation", "operationtype"],
            Self::Status => &["status", "state", "transactionstatus", "txnstatus", "paymentstatus", "transactionstate", "result"],
            Self::Amount => &["amount", "transactionamount", "txnamount", "grossamount", "amountgross", "gross", "totalamount"],
            Self::Currency => &["currency", "currencycode", "transactioncurrency", "txncurrency", "amountcurrency", "ccy"],
            Self::Time => &[
                "time",
                "txntime",
                "transactiontime",
                "transactiondatetime",
                "transactiondate",
                "txndate",
                "datetime",
                "timestamp",
                "date",
                "created",
                "createdat",
                "createdtime",
                "createddate",
                "creationdate",
                "datecreated",
            ],
        }
    }
}

/// In which units a report tells amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Amounts {
    /// Integers: 3740 EUR are 37.40.
    #[default]
    Minor,
    /// Decimals: 37.40.
    Major,
}

/// How a report is to be read. What it does not say is detected; it is kept as JSON under a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mapping {
    /// Columns by field; an empty name means that the field is not there.
    pub columns: BTreeMap<Field, String>,
    /// The units of amounts; minor where it is not said.
    pub amounts: Option<Amounts>,
    /// Whether decimals are written with a comma: `37,40`.
    pub has_decimal_comma: bool,
    /// How times are written, as of `strftime` (`%d/%m/%Y %H:%M`), where that is not ISO 8601.
    pub time_format: Option<String>,
}

/// Where the fields of a report are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Columns(BTreeMap<Field, usize>);

impl Columns {
    pub fn get(&self, field: Field) -> Option<usize> {
        self.0.get(&field).copied()
    }
}

/// What is wrong with a format of times, as [`Mapping::time_format`] wants it: a sentence whose subject it is.
pub fn time_format_fault(text: &str) -> Option<&'static str> {
    if StrftimeItems::new(text).any(|item| item == Item::Error) {
        return Some("must be a format of strftime, such as %d/%m/%Y %H:%M");
    }
    // Any name is taken for one, and read as UTC.
    let is_zone = |item| matches!(item, Item::Fixed(Fixed::TimezoneName));
    let fault = "must not have %Z: names of zones such as EST mean several; leave them out of the report, or have offsets and %z";
    StrftimeItems::new(text).any(is_zone).then_some(fault)
}

/// Whether a format has an offset from UTC.
pub(crate) fn has_offset(format: &str) -> bool {
    ["%z", "%:z", "%::z", "%:::z", "%#z", "%+"].iter().any(|offset| format.contains(offset))
}

impl Mapping {
    /// Takes what a pair of `FIELD=COLUMN` each says; refuses a field that is told twice.
    pub fn tell(&mut self, pairs: impl IntoIterator<Item = (Field, String)>) -> Result<(), String> {
        let mut told = BTreeMap::new();
        for (field, column) in pairs {
            if told.insert(field, column).is_some() {
                return Err(format!("names a column for {} twice: which one is it?", field.as_str()));
            }
        }
        self.columns.extend(told);
        Ok(())
    }

    /// The columns of `header`, of the report `name`. A report needs an id, or all of reference, kind, amount, currency and time.
    /// `is_kind_told`: the kind need not be among them.
    pub(crate) fn columns(&self, name: &str, header: &[String], is_kind_told: bool) -> Result<Columns, Error> {
        let names: Vec<String> = header.iter().map(|column| folded(column)).collect();
        let mut found = BTreeMap::new();
        for field in Field::ALL {
            let places = match self.columns.get(&field).map(String::as_str) {
                Some("") => Vec::new(),
                Some(column) => {
                    let exact = places(header, column);
                    let places = if exact.is_empty() { places(&names, &folded(column)) } else { exact };
                    let missing = || Error::NoSuchColumn {
                        name: name.to_owned(),
                        field,
                        column: shown(column),
                        found: header.iter().map(|column| shown(column)).collect(),
                    };
                    if places.is_empty() {
                        return Err(missing());
                    }
                    places
                }
                None => {
                    field.names().iter().map(|usual| places(&names, usual)).find(|places| !places.is_empty()).unwrap_or_default()
                }
            };
            if let [place, _, ..] = places[..] {
                let column = header.get(place).map(|column| shown(column)).unwrap_or_default();
                return Err(Error::RepeatedColumn { name: name.to_owned(), field, column, times: places.len() });
            }
            found.extend(places.first().map(|place| (field, *place)));
        }
        let lacks = |field: &Field| !found.contains_key(field);
        let in_reference: Vec<Field> =
            Field::OF_REFERENCE.into_iter().filter(lacks).filter(|field| *field != Field::Kind || !is_kind_told).collect();
        let needed = if !lacks(&Field::Id) {
            // Without its currency a decimal amount says nothing.
            let is_blind = self.amounts == Some(Amounts::Major) && !lacks(&Field::Amount) && lacks(&Field::Currency);
            if is_blind { vec![Field::Currency.as_str().to_owned()] } else { Vec::new() }
        } else if in_reference.is_empty() {
            Vec::new()
        } else {
            let others: Vec<&str> = in_reference.iter().map(|field| field.as_str()).collect();
            vec![format!("id (or, to match without ids, for {})", others.join(", "))]
        };
        if needed.is_empty() {
            return Ok(Columns(found));
        }
        Err(Error::MissingColumns { name: name.to_owned(), needed, found: header.iter().map(|column| shown(column)).collect() })
    }
}

/// Where `column` stands among `names`.
fn places(names: &[String], column: &str) -> Vec<usize> {
    names.iter().enumerate().filter(|(_, own)| *own == column).map(|(place, _)| place).collect()
}

/// A name without letter case, spaces and signs.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A text of a report as it may be told: cut, masked, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    common::masking::masked(&clean).unwrap_or(clean).chars().take(40).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn columns(mapping: &Mapping, header: &str) -> Result<Vec<Option<usize>>, String> {
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        let found = mapping.columns("r.csv", &header, false).map_err(|error| error.to_string())?;
        Ok(Field::ALL.into_iter().map(|field| found.get(field)).collect())
    }

    #[test]
    fn usual_names_are_detected() {
        let all: Vec<Option<usize>> = (0..7).map(Some).collect();
        for header in [
            "id,merchantRefNum,kind,status,amount,currency,time",
            "Transaction ID,Merchant Ref,Type,State,Gross Amount,Currency Code,Transaction Date",
            "payment_id,REF_NUM,Transaction-Type,result,amount,CURRENCY,Created",
            "PaymentId,reference,type,Status,Gross,ccy,txn time",
        ] {
            assert_eq!(columns(&Mapping::default(), header).unwrap(), all, "{header}");
        }
        let preferred = columns(&Mapping::default(), "date,transaction date,id").unwrap();
        assert_eq!((preferred.first(), preferred.last()), (Some(&Some(2)), Some(&Some(1))));
    }

    #[test]
    fn what_is_missing_is_named_with_what_there_is() {
        let error = columns(&Mapping::default(), "merchantRefNum,amount,foo").unwrap_err();
        assert_eq!(
            error,
            "r.csv has no column for id (or, to match without ids, for kind, currency, time); its columns are: \
             merchantRefNum, amount, foo"
        );
        let major = Mapping { amounts: Some(Amounts::Major), ..Mapping::default() };
        assert!(columns(&major, "id,amount").unwrap_err().contains("for currency;"));
        let named = Mapping { columns: [(Field::Id, "Nr".to_owned())].into(), ..Mapping::default() };
        assert!(columns(&named, "id,amount").unwrap_err().contains("no column 'Nr', which the mapping names for id"));
        assert_eq!(columns(&named, "x,nr").unwrap().first(), Some(&Some(1)));
        let without = Mapping { columns: [(Field::Status, String::new())].into(), ..Mapping::default() };
        assert_eq!(columns(&without, "id,status").unwrap().get(3), Some(&None));
    }

    #[test]
    fn a_column_that_is_there_twice_is_not_guessed() {
        let refused = |mapping: &Mapping, header| columns(mapping, header).unwrap_err();
        let plain = Mapping::default();
        assert!(refused(&plain, "id,status,status").contains("has the column 'status' 2 times, and it is used for status"));
        assert!(refused(&plain, "id,amount,ID,Id").contains("has the column 'id' 3 times"));
        let named = |field, column: &str| Mapping { columns: [(field, column.to_owned())].into(), ..Mapping::default() };
        assert!(refused(&named(Field::Status, "Zustand"), "id,zustand,ZUSTAND").contains("for status"));
        // Where its exact name, or another, tells which one is meant, or none is used.
        assert_eq!(columns(&named(Field::Id, "ID"), "id,ID").unwrap().first(), Some(&Some(1)));
        assert_eq!(columns(&named(Field::Status, "state"), "id,status,status,state").unwrap().get(3), Some(&Some(3)));
        assert_eq!(columns(&named(Field::Status, ""), "id,status,status").unwrap().get(3), Some(&None));
        assert!(columns(&plain, "id,note,note").is_ok());
    }

    #[test]
    fn a_field_is_told_once() {
        let pair = |field, column: &str| (field, column.to_owned());
        let mut mapping = Mapping { columns: [pair(Field::Status, "old")].into(), ..Mapping::default() };
        mapping.tell([pair(Field::Status, "state"), pair(Field::Id, "Nr")]).unwrap();
        assert_eq!(mapping.columns, [pair(Field::Status, "state"), pair(Field::Id, "Nr")].into());
        let fault = mapping.tell([pair(Field::Kind, "a"), pair(Field::Kind, "b")]).unwrap_err();
        assert!(fault.contains("a column for kind twice") && !mapping.columns.contains_key(&Field::Kind), "{fault}");
    }

    #[test]
    fn names_of_zones_are_no_part_of_a_format() {
        for format in ["%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M %z", "%s", "%+", "%d %b %Y %% Z"] {
            assert_eq!(time_format_fault(format), None, "{format}");
        }
        assert!(time_format_fault("%d/%m/%Y %H:%M %Z").unwrap().contains("%Z"));
        assert!(time_format_fault("%Q").unwrap().contains("strftime"));
    }

    #[test]
    fn a_mapping_is_kept_as_json() {
        let mapping = Mapping {
            columns: [(Field::MerchantRefNum, "Ref".to_owned())].into(),
            amounts: Some(Amounts::Major),
            has_decimal_comma: true,
            time_format: None,
        };
        let text = serde_json::to_string(&mapping).unwrap();
        assert!(text.contains(r#""merchantRefNum":"Ref""#), "{text}");
        assert_eq!(serde_json::from_str::<Mapping>(&text).unwrap(), mapping);
    }
}

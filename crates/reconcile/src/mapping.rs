//! Which column of a report is which field.

use std::collections::BTreeMap;

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

/// Whether `text` is a format of strftime, as [`Mapping::time_format`] wants it.
pub fn is_time_format(text: &str) -> bool {
    chrono::format::StrftimeItems::new(text).all(|item| item != chrono::format::Item::Error)
}

impl Mapping {
    /// The columns of `header`, of the report `name`. A report needs an id, or all of reference, kind, amount, currency and time.
    /// `is_kind_told`: the kind need not be among them.
    pub(crate) fn columns(&self, name: &str, header: &[String], is_kind_told: bool) -> Result<Columns, Error> {
        let names: Vec<String> = header.iter().map(|column| folded(column)).collect();
        let mut found = BTreeMap::new();
        for field in Field::ALL {
            let place = match self.columns.get(&field).map(String::as_str) {
                Some("") => None,
                Some(column) => {
                    let place = header.iter().position(|own| own == column);
                    let place = place.or_else(|| names.iter().position(|own| *own == folded(column)));
                    let missing = || Error::NoSuchColumn {
                        name: name.to_owned(),
                        field,
                        column: shown(column),
                        found: header.iter().map(|column| shown(column)).collect(),
                    };
                    Some(place.ok_or_else(missing)?)
                }
                None => field.names().iter().find_map(|usual| names.iter().position(|own| own == usual)),
            };
            found.extend(place.map(|place| (field, place)));
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

//! What the name of a field says of its value.

use super::signs::{Kind, Reading, Signs};

/// What the name of a field says of its value, the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    /// Not even the last four are kept.
    Secret,
    /// An account, routing or card number.
    Number,
    /// The same, but for an account event's own.
    AccountNumber,
    /// A bank account: its number, or an object that tells of it by names of its own.
    BankAccount,
    /// An id made by Netbanx.
    Id,
    /// Money: a number that readers need, or nothing.
    Amount,
    /// Nothing.
    Other,
}

/// Letters that make a name a secret's, wherever they stand in it.
const SECRETS: [&str; 16] = [
    "cvv",
    "cvc",
    "cvd",
    "cvn",
    "securitycode",
    "verificationcode",
    "verificationvalue",
    "password",
    "passwd",
    "passcode",
    "track1",
    "track2",
    "trackdata",
    "magstripe",
    "cardpin",
    "pinblock",
];

/// The same of a number.
const NUMBERS: [&str; 5] = ["cardnumber", "accountnumber", "acctnumber", "routingnumber", "sortcode"];

/// Letters that a number's name ends with: within a name they may be others', as in `cardNotPresent`.
const NUMBER_ENDS: [&str; 10] =
    ["cardno", "cardnum", "accountno", "accountnum", "accountnr", "accountnbr", "acctno", "acctnum", "cardpan", "iban"];

/// The same of a bank account.
const BANK_ACCOUNT_ENDS: [&str; 2] = ["bankaccount", "bankacct"];

/// Short names of secrets, which are in other words too.
const SECRET_WORDS: [&str; 2] = ["pin", "csc"];

/// Three letters of each of those and of `pan`: a name that has none of them need not be looked at closely.
/// Chosen so that names that are in most webhooks have none, such as `attemptNumber` and `currencyCode`.
const HINTS: [&[u8; 3]; 23] = [
    b"cvv", b"cvc", b"cvd", b"cvn", b"tyc", b"ssw", b"ssc", b"ck1", b"ck2", b"ckd", b"gst", b"rdn", b"ntn", b"gnu", b"rtc",
    b"iba", b"pan", b"pin", b"csc", b"nco", b"nva", b"ctn", b"nka",
];

/// `letter` behind those that `before` stands for.
const fn rolled(before: u16, letter: u8) -> u16 {
    (before << 5 | (letter & 31) as u16) & 0x7FFF
}

/// A bit for each three letters, set for [`HINTS`].
#[allow(clippy::indexing_slicing)] // Worked out by the compiler.
static IS_HINT: [u64; 512] = {
    let (mut bits, mut at) = ([0; 512], 0);
    while at < HINTS.len() {
        let hint = HINTS[at];
        let place = rolled(rolled(rolled(0, hint[0]), hint[1]), hint[2]);
        bits[(place >> 6) as usize] |= 1 << (place & 63);
        at += 1;
    }
    bits
};

/// Of each byte the lower-case letter or the digit that it stands for; 0 of any other.
#[allow(clippy::indexing_slicing)] // Worked out by the compiler.
const LETTERS: [u8; 256] = {
    let (mut letters, mut byte) = ([0; 256], 0);
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            letters[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    letters
};

impl Field {
    /// `name` counts without the case of its letters and what stands between them.
    pub(super) fn of(name: &str) -> Self {
        // Longer than all names that count as a whole: the beginning of a longer one is none of them.
        let (mut letters, mut length) = ([0_u8; 32], 0);
        let (mut last, mut is_hinted, mut is_odd) = (0, 0, false);
        for byte in name.bytes() {
            let letter = LETTERS.get(usize::from(byte)).copied().unwrap_or_default();
            if letter != 0 {
                last = rolled(last, letter);
                is_hinted |= IS_HINT.get(usize::from(last >> 6)).copied().unwrap_or_default() >> (last & 63) & 1;
                if let Some(place) = letters.get_mut(length) {
                    *place = letter;
                    length += 1;
                }
            } else {
                is_odd |= matches!(byte, 0x80..|b'%'| b'&' | b'\\');
            }
        }
        let letters = letters.get(..length).unwrap_or_default();
        match Self::of_whole(letters) {
            _ if is_odd => Words::of(name).field(),
            // The one name in most webhooks that has a hint.
            Self::Other if is_hinted != 0 && letters != b"eventname" => Words::of(name).field(),
            field => field,
        }
    }

    /// Of names that count as a whole alone, or that are in many webhooks.
    fn of_whole(letters: &[u8]) -> Self {
        match letters {
            b"cvv" => Self::Secret,
            b"accountnumber" => Self::AccountNumber,
            b"iban" | b"routingnumber" | b"sortcode" | b"cardnumber" | b"cardnum" | b"bban" | b"branchcode"
            | b"transitnumber" | b"institutionid" => Self::Number,
            b"amount" => Self::Amount,
            b"id"
            | b"resourceid"
            | b"accountid"
            | b"paymentid"
            | b"settlementid"
            | b"merchantid"
            | b"partnerid"
            | b"gatewayreconciliationid" => Self::Id,
            _ => Self::Other,
        }
    }
}

/// A name's letters and digits in lower case, and the words that they make.
#[derive(Default)]
struct Words {
    letters: String,
    words: Vec<String>,
}

impl Words {
    /// A word ends where something stands that is neither letter nor digit, where letters and digits meet, before a capital
    /// behind a small letter, and before the last of several capitals that a small letter follows: `PINBlock`.
    fn of(name: &str) -> Self {
        let mut words = Self::default();
        let mut before = None;
        for sign in Signs::of(name, Reading::Decoded) {
            let written = match sign.kind {
                Kind::Letter(letter) => letter,
                Kind::Digit(value) => b'0' + value,
                Kind::Mark => continue,
                Kind::Blank | Kind::Separator => {
                    before = None;
                    continue;
                }
            };
            words.add(before, written);
            before = Some(written);
        }
        words
    }

    fn add(&mut self, before: Option<u8>, written: u8) {
        let letter = char::from(written.to_ascii_lowercase());
        let is_next = before.is_none_or(|before| {
            before.is_ascii_digit() != written.is_ascii_digit() || (before.is_ascii_lowercase() && written.is_ascii_uppercase())
        });
        let ends_capitals = written.is_ascii_lowercase() && before.is_some_and(|before| before.is_ascii_uppercase());
        if is_next || self.words.is_empty() {
            self.words.push(String::new());
        } else if ends_capitals
            && let Some(word) = self.words.last_mut()
            && word.len() > 1
            && let Some(capital) = word.pop()
        {
            self.words.push(capital.to_string());
        }
        if let Some(word) = self.words.last_mut() {
            word.push(letter);
        }
        self.letters.push(letter);
    }

    fn field(&self) -> Field {
        let has = |parts: &[&str]| parts.iter().any(|part| self.letters.contains(part));
        let is_word = |word: &str| self.letters == word || self.words.iter().any(|own| own == word);
        if has(&SECRETS) || SECRET_WORDS.iter().any(|word| is_word(word)) {
            Field::Secret
        } else if self.letters == "accountnumber" {
            Field::AccountNumber
        } else if has(&NUMBERS) || NUMBER_ENDS.iter().any(|end| self.letters.ends_with(end)) || is_word("iban") || is_word("pan")
        {
            Field::Number
        } else if BANK_ACCOUNT_ENDS.iter().any(|end| self.letters.ends_with(end)) {
            Field::BankAccount
        } else {
            Field::of_whole(self.letters.as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_by_their_parts() {
        for (field, names) in [
            (
                Field::Secret,
                &[
                    "cvv",
                    "CVV2",
                    "cardCvv",
                    "card_cvc",
                    "x-cvd-code",
                    "cvn",
                    "security code",
                    "userPassword",
                    "PASSWD",
                    "passcode",
                    "pin",
                    "PIN",
                    "cardPin",
                    "pin_block",
                    "pinBlock",
                    "PINBlock",
                    "cardpin",
                    "pin2",
                    "track1",
                    "Track2Data",
                    "track_data",
                    "magStripe",
                    "ｃｖｖ",
                    "c\u{200b}v\u{ad}v",
                    "p\u{feff}in",
                    "c\\u0076v",
                    "%63vv",
                    "c&#118;v",
                    "Ｐin",
                    "csc",
                    "card_csc",
                    "cardVerificationValue",
                    "cardVerificationCode",
                    "verificationCode",
                    "securityCode",
                ][..],
            ),
            (
                Field::Number,
                &[
                    "cardNumber",
                    "card_number",
                    "maskedCardNumber2",
                    "cardNo",
                    "cardNum",
                    "bankAccountNumber",
                    "debtorIban",
                    "IBANNumber",
                    "iban",
                    "pan",
                    "cardPan",
                    "pan_value",
                    "routingNumber",
                    "sort-code",
                    "bban",
                    "institutionId",
                    "ｃａｒｄＮｏ",
                    "card\u{2060}num",
                    "accountNum",
                    "accountNo",
                    "acctNumber",
                    "bankAcctNumber",
                    "acct_no",
                    "acctNum",
                    "accountNr",
                    "payeeAccountNbr",
                ],
            ),
            (Field::BankAccount, &["bankAccount", "bank_account", "payerBankAccount", "bankAcct"]),
            (Field::AccountNumber, &["accountNumber", "account_number"]),
            (Field::Id, &["id", "resourceId", "gatewayReconciliationId", "i\u{200b}d"]),
            (Field::Amount, &["amount"]),
            (
                Field::Other,
                &[
                    "shipping",
                    "spinner",
                    "mapping",
                    "cardNotPresent",
                    "company",
                    "japan",
                    "panel",
                    "attemptNumber",
                    "partner",
                    "currencyCode",
                    "lastDigits",
                    "",
                    "opinion",
                    "urban",
                    "tracking",
                    "é",
                    "bankAccountId",
                    "merchantAccountId",
                    "acctStatus",
                    "accountName",
                    "acctNote",
                    "verificationStatus",
                    "discscan",
                    "bankReference",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(Field::of(name), field, "{name}");
            }
        }
    }

    #[test]
    fn every_part_has_its_hint() {
        let ends = NUMBER_ENDS.iter().chain(&BANK_ACCOUNT_ENDS);
        for part in SECRETS.iter().chain(&SECRET_WORDS).chain(&NUMBERS).chain(ends) {
            let is_hinted = |three: &[u8]| HINTS.iter().any(|hint| three == *hint);
            assert!(part.as_bytes().windows(3).any(is_hinted), "{part}");
        }
    }
}

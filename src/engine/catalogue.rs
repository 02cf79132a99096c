//! The payment systems that a gateway offers: what is configured of each (paykassma-api.md,
//! Deposits; operations.md, Configuration).

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::id::{IdError, WalletType};
use crate::money::{Amount, Currency};

/// One payment system in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentSystem {
    /// What requests and accounts call it.
    pub wallet_type: WalletType,
    /// What payers call it.
    pub name: String,
    /// What is paid in.
    pub currency: Currency,
    /// Its place in lists: the lowest first.
    pub order: u32,
    /// The address of its picture, or empty.
    pub logo: String,
    /// Whether an operator decides on its deposits.
    pub is_manual: bool,
    /// Whether payers send a picture of the payment.
    pub uploading_payment_bill: bool,
    /// Whether a deposit is activated by the number that the payer got.
    pub requires_activation: bool,
    /// Whether an activation must name the amount.
    pub amount_required: bool,
    /// Amounts that it takes, the least and the most.
    pub limits: (Amount, Amount),
    /// Deposits below it are saved up; zero for none.
    pub minimum_deposit: Amount,
    /// What payers pay to, given out in turn.
    pub requisites: Vec<String>,
    /// What else is told with the requisites.
    pub params: BTreeMap<String, Param>,
    /// What the number that activates looks like.
    pub key1: Key1,
    /// What a withdrawal must say besides.
    pub withdrawal_required: Vec<WithdrawalField>,
    /// A film or picture that shows how to pay.
    pub media: Option<Media>,
}

/// What the transaction numbers of a payment system look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key1 {
    /// The fewest characters.
    pub min: usize,
    /// The most.
    pub max: usize,
    /// Which.
    pub chars: Key1Chars,
}

/// The characters of transaction numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key1Chars {
    /// Whatever a reference may hold.
    Any,
    /// `0` to `9`.
    Digits,
    /// Those, and `A` to `Z`, large and small.
    LettersAndDigits,
}

/// What is wrong with a transaction number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key1Fault {
    /// It is too short or too long.
    Length,
    /// It holds other characters.
    Characters,
}

impl Key1 {
    /// Looks at a transaction number.
    ///
    /// # Errors
    /// What is wrong with it; its length before its characters.
    pub fn check(&self, key1: &str) -> Result<(), Key1Fault> {
        if !(self.min..=self.max).contains(&key1.chars().count()) {
            return Err(Key1Fault::Length);
        }
        let is_good = |letter: char| match self.chars {
            Key1Chars::Any => true,
            Key1Chars::Digits => letter.is_ascii_digit(),
            Key1Chars::LettersAndDigits => letter.is_ascii_alphanumeric(),
        };
        if key1.chars().all(is_good) {
            return Ok(());
        }
        Err(Key1Fault::Characters)
    }
}

impl FromStr for Key1Chars {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Key1Chars, IdError> {
        match text {
            "any" => Ok(Key1Chars::Any),
            "digits" => Ok(Key1Chars::Digits),
            "letters-and-digits" => Ok(Key1Chars::LettersAndDigits),
            _ => Err(IdError("must be any, digits or letters-and-digits")),
        }
    }
}

/// What else is told with the requisites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Truth(bool),
}

/// A film or picture that shows how to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its number.
    pub id: u64,
    /// Where it lies.
    pub url: String,
}

impl PaymentSystem {
    /// Whether it takes an amount.
    pub fn takes(&self, amount: Amount) -> bool {
        (self.limits.0..=self.limits.1).contains(&amount)
    }
}

/// All payment systems, each once in a currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue(Vec<PaymentSystem>);

impl Catalogue {
    /// Adds a payment system.
    ///
    /// # Errors
    /// It is there already.
    pub fn add(&mut self, system: PaymentSystem) -> Result<(), IdError> {
        if self.find(system.wallet_type, system.currency).is_some() {
            return Err(IdError("is there twice in this currency"));
        }
        self.0.push(system);
        self.0.sort_by(|one, other| {
            let place =
                |system: &PaymentSystem| (system.order, system.wallet_type, system.currency);
            place(one).cmp(&place(other))
        });
        Ok(())
    }

    /// The payment system of that name in a currency.
    pub fn find(&self, wallet_type: WalletType, currency: Currency) -> Option<&PaymentSystem> {
        let mut systems = self.0.iter();
        systems.find(|system| (system.wallet_type, system.currency) == (wallet_type, currency))
    }

    /// The payment systems of that name, whatever the currency.
    pub fn of_type(&self, name: &str) -> impl Iterator<Item = &PaymentSystem> {
        let systems = self.0.iter();
        systems.filter(move |system| system.wallet_type.as_str() == name)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &PaymentSystem> {
        self.0.iter()
    }
}

macro_rules! withdrawal_fields {
    ($($(#[$doc:meta])* $field:ident = $name:literal),* $(,)?) => {
        /// What a withdrawal may say, and a payment system may want to know (paykassma-api.md,
        /// Withdrawals).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum WithdrawalField {
            $($(#[$doc])* $field),*
        }

        impl WithdrawalField {
            /// All of them, in the document's order.
            pub const ALL: &[WithdrawalField] = &[$(WithdrawalField::$field),*];

            /// Its name in requests; a point stands before the name of a member within another.
            pub fn name(self) -> &'static str {
                match self {
                    $(WithdrawalField::$field => $name),*
                }
            }
        }
    };
}

withdrawal_fields! {
    /// The number of the account that is paid to.
    AccountNumber = "account_number",
    /// Whose account it is.
    AccountName = "account_name",
    /// The payee's address for electronic mail.
    AccountEmail = "account_email",
    /// The payee.
    ReceiverName = "receiver_name",
    /// How it is paid.
    PaymentsMethod = "payments_details.payments_method",
    /// Who pays it.
    PaymentsProvider = "payments_details.payments_provider",
    /// The bank.
    BankCode = "bank_details.bank_code",
    /// The branch of the bank.
    BranchCode = "bank_details.branch_code",
    /// The bank as the payment system calls it.
    BankCodeInPaymentsSystem = "bank_details.bank_code_in_payments_system",
    /// The kind of account.
    AccountType = "account_type",
    /// The kind of document that the payee has.
    DocumentType = "document_type",
    /// Its number.
    DocumentId = "document_id",
    /// The account's check digit.
    AccountDigit = "account_digit",
    /// The account's international number.
    Iban = "iban",
    /// A number of the payment system's own.
    Type = "type",
}

impl FromStr for WithdrawalField {
    type Err = IdError;

    fn from_str(text: &str) -> Result<WithdrawalField, IdError> {
        let mut all = WithdrawalField::ALL.iter();
        let found = all.find(|field| field.name() == text);
        found.copied().ok_or(IdError(
            "must be a member of a withdrawal such as account_name or bank_details.bank_code",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Amount;
    use crate::sim::sample;

    #[test]
    fn what_stands_at_a_limit_is_taken() {
        let mut system = sample::payment_system();
        let cents = |cents| Amount::from_cents(cents).unwrap();
        system.limits = (cents(100), cents(200));
        for (amount, taken) in [(99, false), (100, true), (200, true), (201, false)] {
            assert_eq!(system.takes(cents(amount)), taken, "{amount}");
        }
    }

    #[test]
    fn a_transaction_number_has_its_length_and_its_characters() {
        let check = |chars: &str, key1: &str| {
            let chars = chars.parse().unwrap();
            let (min, max) = (2, 4);
            Key1 { min, max, chars }.check(key1)
        };
        let (length, characters) = (Err(Key1Fault::Length), Err(Key1Fault::Characters));
        for (chars, key1, due) in [
            ("any", "a-\u{e4}\u{e4}", Ok(())),
            ("any", "ab", Ok(())),
            ("any", "\u{e4}\u{20b9}\u{1f600}\u{e4}", Ok(())),
            ("any", "a", length),
            ("any", "abcde", length),
            ("digits", "0129", Ok(())),
            ("digits", "01a", characters),
            ("digits", "0\u{662}", characters),
            ("digits", "abcde", length),
            ("letters-and-digits", "aZ09", Ok(())),
            ("letters-and-digits", "a-1", characters),
            ("letters-and-digits", "\u{e4}1", characters),
        ] {
            assert_eq!(check(chars, key1), due, "{chars} {key1}");
        }
        assert!("Digits".parse::<Key1Chars>().is_err());
    }
}

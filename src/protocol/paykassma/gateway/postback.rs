//! What a merchant is told of deposits and withdrawals, member by member as in the document's
//! samples (paykassma-api.md, Postbacks).
//!
//! # Quirks
//! - The amount on top is rounded to whole units, half up; the exact one is inside, as a text.
//! - Only `additional_data` is signed. [`signed`] hashes the very bytes that it sends.
//! - What a deposit does not have is an empty text, `null` or a text by turns; so it is in the
//!   samples.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::engine::rates::Units;
use crate::money::{Amount, Currency};
use crate::protocol::paykassma::sign::PostbackKeys;
use crate::time::{Timestamp, UtcOffset};

/// One postback, as it is put together.
#[derive(Clone, Copy, Debug)]
pub struct Postback<'a> {
    /// The payment system.
    pub wallet_type: &'a str,
    /// All of it; for several deposits that were saved up, their sum.
    pub amount: Amount,
    /// What it is paid in.
    pub currency: Currency,
    /// The merchant's user.
    pub label: &'a str,
    /// [`crate::engine::rates::Rates::converted`] of the amount.
    pub converted: &'a [(Currency, Units)],
    /// When it was made.
    pub created: Timestamp,
    /// The offset in which the merchant's times are told.
    pub offset: UtcOffset,
    /// What is told of.
    pub of: Told<'a>,
}

/// What a postback tells of.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// Deposits that were credited together: `ingoing`.
    Deposits(&'a [DepositTold<'a>]),
    /// A withdrawal that was decided: `outgoing`.
    Withdrawal(WithdrawalTold<'a>),
}

/// A credited deposit.
#[derive(Clone, Copy, Debug)]
pub struct DepositTold<'a> {
    /// When it was activated.
    pub activated: Timestamp,
    /// The received payment's payer.
    pub exchanger_identifier: &'a str,
    /// The received payment's note.
    pub comment: &'a str,
    /// What was received.
    pub amount: Amount,
    /// Its savings, which every credited deposit has.
    pub stockpiling_id: u64,
    /// The received payment's reference.
    pub transaction_id: &'a str,
    /// The deposit's custom_transaction_id.
    pub plugin_custom_order_id: &'a str,
}

/// A decided withdrawal.
#[derive(Clone, Copy, Debug)]
pub struct WithdrawalTold<'a> {
    /// The operator's note, else the request's comment.
    pub comment: &'a str,
    /// As the merchant or we named it.
    pub withdrawal_id: &'a str,
    /// Whether it was paid out.
    pub status: WithdrawalStatus,
    /// As requested, or empty.
    pub account_number: &'a str,
    /// As requested, or empty.
    pub account_name: &'a str,
    /// As requested, or empty.
    pub account_email: &'a str,
    /// `bank_details.bank_code`, as requested.
    pub bank_code: Option<&'a str>,
    /// `bank_details.branch_code`, as requested.
    pub branch_code: Option<&'a str>,
}

/// How a withdrawal ended (paykassma-api.md, Withdrawals).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalStatus {
    /// 1: it was paid out.
    Processed,
    /// 5: it was not.
    Rejected,
}

impl WithdrawalStatus {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            WithdrawalStatus::Processed => 1,
            WithdrawalStatus::Rejected => 5,
        }
    }
}

impl Postback<'_> {
    /// The JSON text without a signature: what look-ups show and [`signed`] signs.
    pub fn encode(&self) -> String {
        let direction = match self.of {
            Told::Deposits(_) => "ingoing",
            Told::Withdrawal(_) => "outgoing",
        };
        let body = BodyOut {
            wallet_type: self.wallet_type,
            amount: whole_units(self.amount),
            currency_code: self.currency,
            label: self.label,
            converted_amount: Converted(self.converted),
            direction,
            created_datetime: &self.created.gateway_text(self.offset),
            additional_data: Items(self),
        };
        serde_json::to_string(&body).expect("a postback is made of texts, numbers and lists")
    }
}

/// A body that [`Postback::encode`] made, with its signature under a merchant's keys: the bytes
/// to send. `None` for any other text.
pub fn signed(body: &str, keys: &PostbackKeys) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Signed<'a> {
        #[serde(borrow)]
        additional_data: &'a RawValue,
    }
    let of: Signed<'_> = serde_json::from_str(body).ok()?;
    let signature = keys.sign(of.additional_data.get().as_bytes());
    let open = body.strip_suffix('}')?;
    Some(format!(r#"{open},"signature":"{signature}"}}"#).into_bytes())
}

/// A body that [`signed`] made, as it was before: what look-ups show. `None` for any other text.
pub fn without_signature(body: &str) -> Option<String> {
    let (unsigned, _) = body.rsplit_once(",\"signature\":")?;
    Some(format!("{unsigned}}}"))
}

/// Half up (paykassma-api.md, Postbacks).
fn whole_units(amount: Amount) -> u64 {
    amount.cents().div_euclid(100) + u64::from(amount.cents() % 100 >= 50)
}

#[derive(Serialize)]
struct BodyOut<'a> {
    wallet_type: &'a str,
    amount: u64,
    currency_code: Currency,
    label: &'a str,
    converted_amount: Converted<'a>,
    direction: &'static str,
    created_datetime: &'a str,
    additional_data: Items<'a>,
}

/// `{"USD":40.43,..}`: numbers, as many digits as they have.
struct Converted<'a>(&'a [(Currency, Units)]);

impl Serialize for Converted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.0.len()))?;
        for (currency, units) in self.0 {
            let number = RawValue::from_string(units.to_string());
            let number = number.expect("a decimal is a JSON number");
            members.serialize_entry(currency, &number)?;
        }
        members.end()
    }
}

/// `additional_data`.
struct Items<'a>(&'a Postback<'a>);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Items(postback) = self;
        let mut items = serializer.serialize_seq(None)?;
        match postback.of {
            Told::Deposits(deposits) => {
                for deposit in deposits {
                    let activated = deposit.activated.gateway_text(postback.offset);
                    items.serialize_element(&Item::of_deposit(postback, deposit, &activated))?;
                }
            }
            Told::Withdrawal(withdrawal) => {
                items.serialize_element(&Item::of_withdrawal(postback, &withdrawal))?;
            }
        }
        items.end()
    }
}

#[derive(Serialize)]
struct Item<'a> {
    activated_datetime: &'a str,
    exchanger_identifier: &'a str,
    comment: &'a str,
    amount: String,
    currency_code: Currency,
    wallet_type: &'a str,
    stockpiling_id: Option<u64>,
    transaction_id: &'a str,
    transaction_type: Option<u8>,
    plugin_custom_order_id: &'a str,
    withdrawal_id: Option<&'a str>,
    withdrawal_status: Option<u8>,
    account_number: &'a str,
    account_name: &'a str,
    account_email: &'a str,
    bank_details: BankDetails<'a>,
}

#[derive(Serialize)]
struct BankDetails<'a> {
    bank_code: Option<&'a str>,
    branch_code: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn of_deposit(
        postback: &Postback<'a>,
        deposit: &DepositTold<'a>,
        activated: &'a str,
    ) -> Item<'a> {
        Item {
            activated_datetime: activated,
            exchanger_identifier: deposit.exchanger_identifier,
            comment: deposit.comment,
            amount: Units::from(deposit.amount).to_string(),
            currency_code: postback.currency,
            wallet_type: postback.wallet_type,
            stockpiling_id: Some(deposit.stockpiling_id),
            transaction_id: deposit.transaction_id,
            transaction_type: Some(0),
            plugin_custom_order_id: deposit.plugin_custom_order_id,
            withdrawal_id: None,
            withdrawal_status: None,
            account_number: "",
            account_name: "",
            account_email: "",
            bank_details: BankDetails {
                bank_code: Some(""),
                branch_code: Some(""),
            },
        }
    }

    fn of_withdrawal(postback: &Postback<'a>, withdrawal: &WithdrawalTold<'a>) -> Item<'a> {
        Item {
            activated_datetime: "",
            exchanger_identifier: "",
            comment: withdrawal.comment,
            amount: Units::from(postback.amount).to_string(),
            currency_code: postback.currency,
            wallet_type: postback.wallet_type,
            stockpiling_id: None,
            transaction_id: "",
            transaction_type: None,
            plugin_custom_order_id: "",
            withdrawal_id: Some(withdrawal.withdrawal_id),
            withdrawal_status: Some(withdrawal.status.number()),
            account_number: withdrawal.account_number,
            account_name: withdrawal.account_name,
            account_email: withdrawal.account_email,
            bank_details: BankDetails {
                bank_code: withdrawal.bank_code,
                branch_code: withdrawal.branch_code,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn converted(text: &str) -> Vec<(Currency, Units)> {
        let pair = |pair: &str| {
            let (currency, units) = pair.split_once(' ').unwrap();
            (currency.parse().unwrap(), units.parse().unwrap())
        };
        text.split(", ").map(pair).collect()
    }

    fn amount(text: &str) -> Amount {
        Amount::from_decimal(text).unwrap()
    }

    /// The document's two samples, compact and with the currencies in front of the rest.
    const DEPOSIT: &str =
        include_str!("../../../../tests/it/golden/paykassma/postback.deposit.json");
    const WITHDRAWAL: &str =
        include_str!("../../../../tests/it/golden/paykassma/postback.withdrawal.json");

    fn deposit() -> String {
        let of = [DepositTold {
            activated: "2023-06-30T10:59:24Z".parse().unwrap(),
            exchanger_identifier: "97489343",
            comment: "",
            amount: amount("13628.50"),
            stockpiling_id: 262_402,
            transaction_id: "160028076535305",
            plugin_custom_order_id: "6424468",
        }];
        let converted = converted("USD 40.43, INR 3327, BGN 80.20, BTC 0.00209234");
        let postback = Postback {
            wallet_type: "paytm_api",
            amount: amount("13628.50"),
            currency: "INR".parse().unwrap(),
            label: "6424468",
            converted: &converted,
            created: "2023-06-30T07:59:24Z".parse().unwrap(),
            offset: "+03:00".parse().unwrap(),
            of: Told::Deposits(&of),
        };
        postback.encode()
    }

    #[test]
    fn a_deposit_is_told_as_in_the_documents_sample() {
        assert_eq!(deposit() + "\n", DEPOSIT);
    }

    #[test]
    fn a_withdrawal_is_told_as_in_the_documents_sample() {
        let of = WithdrawalTold {
            comment: "autotest approve by file",
            withdrawal_id: "autotest984047927037",
            status: WithdrawalStatus::Processed,
            account_number: "5632221204",
            account_name: "autotest983948600573",
            account_email: "",
            bank_code: None,
            branch_code: None,
        };
        let converted = converted("USD 7.56, INR 620, BTC 0.00025009");
        let postback = Postback {
            wallet_type: "nagad_api",
            amount: amount("820"),
            currency: "BDT".parse().unwrap(),
            label: "autotest898404792700response_500",
            converted: &converted,
            created: "2023-07-20T08:09:01Z".parse().unwrap(),
            offset: UtcOffset::UTC,
            of: Told::Withdrawal(of),
        };
        assert_eq!(postback.encode() + "\n", WITHDRAWAL);
        let rejected = WithdrawalTold {
            status: WithdrawalStatus::Rejected,
            bank_code: Some("MAHB0001821"),
            ..of
        };
        let rejected = Postback {
            of: Told::Withdrawal(rejected),
            ..postback
        };
        let text = rejected.encode();
        assert!(text.contains(r#""withdrawal_status":5,"#), "{text}");
        let bank = r#""bank_details":{"bank_code":"MAHB0001821","branch_code":null}"#;
        assert!(text.contains(bank), "{text}");
    }

    #[test]
    fn slashes_and_letters_beyond_ascii_are_signed_and_sent_as_they_are() {
        let keys = PostbackKeys {
            access_key: Secret::new("youraccesskey".to_owned()),
            private_key: Secret::new("yourprivatekey".to_owned()),
        };
        let body = deposit().replace(r#""comment":"""#, "\"comment\":\"a/b \u{20b9}\"");
        let sent = String::from_utf8(signed(&body, &keys).unwrap()).unwrap();
        // From php -r 'echo sha1("youraccesskey"."yourprivatekey".md5($additional_data));'
        let signature = "c18c10fdcefb61f39a29c55c6c5f88400aafd532";
        let unsigned = body.strip_suffix('}').unwrap();
        assert_eq!(sent, format!("{unsigned},\"signature\":\"{signature}\"}}"));
        assert_eq!(without_signature(&sent), Some(body));
        assert_eq!(without_signature("{}"), None);
        assert!(signed("{}", &keys).is_none());
        assert!(signed("", &keys).is_none());
    }

    #[test]
    fn the_amount_on_top_is_rounded_half_up() {
        for (exact, whole) in [
            ("0", 0),
            ("0.49", 0),
            ("0.50", 1),
            ("13628.50", 13_629),
            ("13628.49", 13_628),
            ("90071992547409.91", 90_071_992_547_410),
        ] {
            assert_eq!(whole_units(amount(exact)), whole, "{exact}");
        }
    }
}

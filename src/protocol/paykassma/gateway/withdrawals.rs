//! Withdrawals as a merchant asks for them: a signed body, in the newer form or the older
//! (paykassma-api.md, Withdrawals and Small print).
//!
//! # Quirks
//! - Neither form names the merchant: its key does. So the signature is looked at before the
//!   members are, and over the body as it came.
//! - `payment_details`, a misspelling seen in the wild, is signed like any member and not read.

use super::deposits::{CHARACTERS_MAX, system, within_limits};
use super::parameters::{Invalid, Reader};
use crate::engine::catalogue::{Catalogue, PaymentSystem, WithdrawalField};
use crate::engine::settings::UnknownMembers;
use crate::engine::withdrawal::{Asked, NewWithdrawal, OldForm, PayoutDetails};
use crate::id::{GatewayText, Label, RequestSignature, WalletType, WithdrawalId};
use crate::money::Currency;
use crate::protocol::paykassma::flatten::{self, SIGNATURE};
use crate::protocol::paykassma::sign;
use crate::protocol::paykassma::value::{self, Members, Value, printable};
use crate::secret::Secret;

/// What the newer form may have.
const NEW: [&str; 19] = [
    "withdrawal_id",
    "payment_system",
    "amount",
    "currency_code",
    "label",
    "is_test",
    "comment",
    "account_number",
    "account_name",
    "account_email",
    "receiver_name",
    "payments_details",
    "bank_details",
    "account_type",
    "document_type",
    "document_id",
    "account_digit",
    "iban",
    "type",
];

/// Seen in the wild for `payments_details`.
const MISSPELT: &str = "payment_details";

/// What the members of the newer form's objects are called.
const WITHIN: [(&str, &[&str]); 2] = [
    (
        "payments_details",
        &["payments_method", "payments_provider"],
    ),
    (
        "bank_details",
        &["bank_code", "branch_code", "bank_code_in_payments_system"],
    ),
];

/// What the older form may have.
const OLD: [&str; 8] = [
    "wallet_type",
    "wallet_recipient",
    "wallet_sender",
    "email",
    "amount",
    "withdrawal_id",
    "account_name",
    "account_number",
];

/// What tells the older form from the newer one.
const OF_OLD: [&str; 3] = ["wallet_type", "wallet_recipient", "wallet_sender"];

/// A body, and the signature that it bears.
#[derive(Debug)]
pub struct Signed {
    members: Members,
    signing_text: String,
    /// As it was given.
    pub signature: RequestSignature,
}

impl Signed {
    /// Reads a body as far as its signature needs.
    ///
    /// # Errors
    /// It is no JSON object, is not signed, or cannot be.
    pub fn decode(body: &[u8]) -> Result<Signed, Invalid> {
        let members = value::decode(body)?;
        let mut reader = Reader::new(&members);
        let signature = reader.parsed(SIGNATURE, CHARACTERS_MAX);
        let signing_text = match flatten::signing_text(&members) {
            Ok(text) => Some(text),
            Err(fault) => {
                let (path, text) = fault.told();
                reader.wrong(path, text);
                None
            }
        };
        let (signing_text, signature) = reader.end(signing_text.zip(signature))?;
        Ok(Signed {
            members,
            signing_text,
            signature,
        })
    }

    /// Whether a private key has signed it.
    pub fn verifies(&self, private_key: &Secret) -> bool {
        let right = sign::sign_request(private_key, &self.signing_text);
        sign::is_same(self.signature.as_str(), &right)
    }

    /// Reads the members, for a merchant whose key has signed them. `currency`: the merchant's own.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn request(
        &self,
        catalogue: &Catalogue,
        unknown: UnknownMembers,
        currency: Currency,
    ) -> Result<Request, Invalid> {
        self.read(Some(catalogue), unknown, currency)
    }

    /// What it says, whatever is offered now and whatever else it bears: to find out whether it was
    /// accepted once. `None` where it can say nothing of the kind.
    pub fn said(&self, currency: Currency) -> Option<Request> {
        self.read(None, UnknownMembers::Sign, currency).ok()
    }

    fn read(
        &self,
        offered: Option<&Catalogue>,
        unknown: UnknownMembers,
        currency: Currency,
    ) -> Result<Request, Invalid> {
        let is_there = |name: &str| self.members.iter().any(|(known, _)| known == name);
        let mut reader = Reader::new(&self.members);
        let is_old = OF_OLD.iter().any(|name| is_there(name));
        if unknown == UnknownMembers::Refuse {
            let known: &[&str] = if is_old { &OLD } else { &NEW };
            refuse_others(&mut reader, &self.members, known);
        }
        let read = if is_old {
            old(&mut reader, offered, currency)
        } else {
            new(&mut reader, offered)
        };
        reader.end(read)
    }
}

/// Names the members that the document does not have.
fn refuse_others(reader: &mut Reader<'_>, members: &Members, known: &[&str]) {
    for (name, value) in members {
        let is_known = [SIGNATURE, MISSPELT].contains(&name.as_str());
        if !is_known && !known.contains(&name.as_str()) {
            reader.wrong(&printable(name), "member is unknown.");
        }
        let within = WITHIN.iter().find(|(of, _)| of == name);
        let (Some((_, known)), Value::Object(inner)) = (within, value) else {
            continue;
        };
        for (of, _) in inner {
            if !known.contains(&of.as_str()) {
                let path = format!("{name}.{}", printable(of));
                reader.wrong(&path, "member is unknown.");
            }
        }
    }
}

/// A withdrawal that a merchant asks for, in either form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The merchant's name for it; none where we are to name it.
    pub withdrawal_id: Option<WithdrawalId>,
    /// What it asks for.
    pub asked: Asked,
}

impl Request {
    /// What is to be taken down, under the signature that was found right. `made`: its name where
    /// the merchant gave none.
    pub fn under(self, signature: RequestSignature, made: WithdrawalId) -> NewWithdrawal {
        NewWithdrawal {
            id: self.withdrawal_id,
            made,
            signature,
            asked: self.asked,
        }
    }
}

/// The payment system of a name: one that is offered, where it matters which are.
fn named<'a>(
    reader: &mut Reader<'_>,
    name: &str,
    offered: Option<&'a Catalogue>,
    currency: Option<Currency>,
) -> (Option<WalletType>, Option<&'a PaymentSystem>) {
    match offered {
        None => (reader.parsed(name, CHARACTERS_MAX), None),
        Some(catalogue) => {
            let system = system(reader, name, catalogue, currency);
            (system.map(|system| system.wallet_type), system)
        }
    }
}

fn new(reader: &mut Reader<'_>, offered: Option<&Catalogue>) -> Option<Request> {
    let withdrawal_id = reader.optional("withdrawal_id", 36);
    let currency = reader.currency("currency_code");
    let (wallet_type, system) = named(reader, "payment_system", offered, currency);
    let amount = reader.amount("amount");
    let amount = within_limits(reader, system, amount);
    let label = reader.parsed("label", CHARACTERS_MAX);
    let is_test = truth(reader, "is_test");
    let comment = reader.optional("comment", 64);
    let short = |text: &GatewayText| text.as_str().chars().count() < 4;
    if comment.as_ref().is_some_and(short) {
        reader.wrong("comment", "must be at least 4 characters.");
    }
    let mut details = details(reader);
    if let Some(system) = system {
        require(reader, system, &mut details);
    }
    Some(Request {
        withdrawal_id,
        asked: Asked {
            wallet_type: wallet_type?,
            amount: amount?,
            currency: currency?,
            label: label?,
            is_test: is_test?,
            comment,
            details,
            old_form: None,
        },
    })
}

/// The older form: its currency is the merchant's own, its recipient stands for a label and for an
/// account number where it names none.
fn old(
    reader: &mut Reader<'_>,
    offered: Option<&Catalogue>,
    currency: Currency,
) -> Option<Request> {
    let (wallet_type, system) = named(reader, "wallet_type", offered, Some(currency));
    let label: Option<Label> = text_or_number(reader, "wallet_recipient");
    let wallet_sender = text_or_number(reader, "wallet_sender");
    let email: Option<GatewayText> = reader.parsed("email", CHARACTERS_MAX);
    let amount = reader.amount("amount");
    let amount = within_limits(reader, system, amount);
    let withdrawal_id = text_or_number(reader, "withdrawal_id");
    let is_number = |id: &WithdrawalId| id.as_str().bytes().all(|b| b.is_ascii_digit());
    if withdrawal_id.as_ref().is_some_and(|id| !is_number(id)) {
        reader.wrong("withdrawal_id", "must be an integer.");
    }
    let account_name = reader.optional("account_name", CHARACTERS_MAX);
    let account_number = reader.optional("account_number", CHARACTERS_MAX);
    let recipient = || label.as_ref()?.as_str().parse().ok();
    let account_number = account_number.or_else(recipient);
    Some(Request {
        withdrawal_id: Some(withdrawal_id?),
        asked: Asked {
            wallet_type: wallet_type?,
            amount: amount?,
            currency,
            label: label?,
            is_test: false,
            comment: None,
            details: PayoutDetails {
                account_number,
                account_name,
                account_email: Some(email?),
                ..PayoutDetails::default()
            },
            old_form: Some(OldForm {
                wallet_sender: wallet_sender?,
            }),
        },
    })
}

fn truth(reader: &mut Reader<'_>, name: &str) -> Option<bool> {
    match reader.given(name) {
        Some(Value::Truth(truth)) => Some(*truth),
        None => {
            reader.wrong(name, "field is required.");
            None
        }
        Some(_) => {
            reader.wrong(name, "field must be true or false.");
            None
        }
    }
}

/// A text, or a whole number as its digits.
fn text_or_number<T: std::str::FromStr>(reader: &mut Reader<'_>, name: &str) -> Option<T> {
    let is_whole = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    match reader.given(name) {
        Some(Value::Number(digits)) if is_whole(digits) => {
            let read = digits.parse().ok();
            if read.is_none() {
                reader.wrong(name, "is invalid.");
            }
            read
        }
        _ => reader.parsed(name, CHARACTERS_MAX),
    }
}

/// What the newer form says besides.
fn details(reader: &mut Reader<'_>) -> PayoutDetails {
    let mut details = PayoutDetails::default();
    for field in WithdrawalField::ALL {
        let read = match field.name().split_once('.') {
            None => reader.optional(field.name(), CHARACTERS_MAX),
            Some(("payments_details", name)) => {
                reader.object("payments_details", "payments_details.", |inner| {
                    inner.optional(name, CHARACTERS_MAX)
                })
            }
            Some((_, name)) => reader.object("bank_details", "bank_details.", |inner| {
                inner.optional(name, CHARACTERS_MAX)
            }),
        };
        *place(&mut details, *field) = read;
    }
    details
}

/// Where a field is kept.
fn place(details: &mut PayoutDetails, field: WithdrawalField) -> &mut Option<GatewayText> {
    match field {
        WithdrawalField::AccountNumber => &mut details.account_number,
        WithdrawalField::AccountName => &mut details.account_name,
        WithdrawalField::AccountEmail => &mut details.account_email,
        WithdrawalField::ReceiverName => &mut details.receiver_name,
        WithdrawalField::PaymentsMethod => &mut details.payments_method,
        WithdrawalField::PaymentsProvider => &mut details.payments_provider,
        WithdrawalField::BankCode => &mut details.bank_code,
        WithdrawalField::BranchCode => &mut details.branch_code,
        WithdrawalField::BankCodeInPaymentsSystem => &mut details.bank_code_in_payments_system,
        WithdrawalField::AccountType => &mut details.account_type,
        WithdrawalField::DocumentType => &mut details.document_type,
        WithdrawalField::DocumentId => &mut details.document_id,
        WithdrawalField::AccountDigit => &mut details.account_digit,
        WithdrawalField::Iban => &mut details.iban,
        WithdrawalField::Type => &mut details.kind,
    }
}

/// What the payment system must know and is not told.
fn require(reader: &mut Reader<'_>, system: &PaymentSystem, details: &mut PayoutDetails) {
    for field in &system.withdrawal_required {
        if place(details, *field).is_none() {
            reader.wrong(field.name(), "field is required.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::money::Amount;
    use crate::protocol::paykassma::gateway::reply::Reply;

    const REFUSE: UnknownMembers = UnknownMembers::Refuse;

    fn key() -> Secret {
        Secret::new("yourprivatekey".to_owned())
    }

    /// A body with its signature, whatever it says.
    fn signed(body: &str) -> String {
        let text = flatten::signing_text(&value::decode(body.as_bytes()).unwrap());
        let signature = sign::sign_request(&key(), &text.unwrap_or_default());
        let open = body.strip_suffix('}').unwrap();
        format!(r#"{open},"signature":"{signature}"}}"#)
    }

    fn answered(invalid: &Invalid) -> String {
        String::from_utf8(Reply::from(invalid).body).unwrap()
    }

    fn read<T>(
        body: &str,
        unknown: UnknownMembers,
        look: impl FnOnce(Request) -> T,
    ) -> Result<T, String> {
        let catalogue = Config::default().paykassma.catalogue;
        let signed = Signed::decode(body.as_bytes()).map_err(|invalid| answered(&invalid))?;
        assert!(signed.verifies(&key()), "{body}");
        let request = signed.request(&catalogue, unknown, "INR".parse().unwrap());
        request.map(look).map_err(|invalid| answered(&invalid))
    }

    const VECTOR: &str = r#"{"withdrawal_id":"297","payment_system":"imps_ib","amount":1218,"currency_code":"INR","label":"125199","is_test":true,"account_number":"123456789","account_name":"TestNameAcc","payments_details":[],"bank_details":{"bank_code":"IFCS0123456"},"signature":"86e61386f3dfd6c98b1409eb33db9af4c890e1d1"}"#;

    #[test]
    fn the_vector_verifies_under_its_key_alone_and_is_read() {
        let of = Signed::decode(VECTOR.as_bytes()).unwrap();
        assert!(!of.verifies(&Secret::new("yourprivatekez".to_owned())));
        for (from, to) in [("1218", "1219"), ("125199", "125198"), ("true", "false")] {
            let changed = Signed::decode(VECTOR.replacen(from, to, 1).as_bytes()).unwrap();
            assert!(!changed.verifies(&key()), "{to}");
        }
        let request = read(VECTOR, REFUSE, |request| request).unwrap();
        assert_eq!(request.withdrawal_id.unwrap().as_str(), "297");
        let text = |text: &str| Some(text.parse().unwrap());
        let due = Asked {
            wallet_type: "imps_ib".parse().unwrap(),
            amount: Amount::from_cents(121_800).unwrap(),
            currency: "INR".parse().unwrap(),
            label: "125199".parse().unwrap(),
            is_test: true,
            comment: None,
            details: PayoutDetails {
                account_number: text("123456789"),
                account_name: text("TestNameAcc"),
                bank_code: text("IFCS0123456"),
                ..PayoutDetails::default()
            },
            old_form: None,
        };
        assert_eq!(request.asked, due);
    }

    #[test]
    fn the_older_form_is_told_by_its_members() {
        let body = r#"{"wallet_type":"paytm","wallet_recipient":"123123232","wallet_sender":1111,"email":"payer@example.com","amount":1000,"withdrawal_id":"13"}"#;
        let request = read(&signed(body), REFUSE, |request| request).unwrap();
        assert_eq!(request.withdrawal_id.unwrap().as_str(), "13");
        let asked = request.asked;
        let sender = asked.old_form.as_ref().unwrap();
        assert_eq!(sender.wallet_sender.as_str(), "1111");
        let number = asked.details.account_number.as_ref().unwrap();
        assert_eq!(number.as_str(), "123123232");
        let at = "2020-07-08T07:06:06Z".parse().unwrap();
        let reply = Reply::old_withdrawal(1, &asked, at, crate::time::UtcOffset::UTC);
        let due = r#"{"id":1,"wallet_type":"paytm","wallet_recipient":"123123232","wallet_sender":"1111","email":"payer@example.com","amount":1000,"status":1,"created_at":"2020-07-08 07:06:06","updated_at":"2020-07-08 07:06:06"}"#;
        assert_eq!(String::from_utf8(reply.unwrap().body).unwrap(), due);
        let wrong = body.replace("\"13\"", "\"a13\"").replace("paytm", "nagad");
        let told = read(&signed(&wrong), REFUSE, |_| ()).unwrap_err();
        let due = r#"{"status":"fail","message":{"wallet_type":["The selected wallet type is invalid."],"withdrawal_id":["The withdrawal id must be an integer."]}}"#;
        assert_eq!(told, due);
        let little = read(&signed(&body.replace("1000", "99.99")), REFUSE, |_| ());
        let due = r#"{"status":"fail","message":{"amount":["The amount must be between 100.00 and 200000.00."]}}"#;
        assert_eq!(little.unwrap_err(), due);
    }

    #[test]
    fn members_that_nobody_documented_are_named_or_signed() {
        let more = VECTOR
            .split(",\"signature\"")
            .next()
            .unwrap()
            .replace("\"bank_code\"", "\"swift\":\"X\",\"bank_code\"")
            + r#","payment_details":{"payments_method":"UPI"},"priority":"high"}"#;
        let told = read(&signed(&more), REFUSE, |_| ()).unwrap_err();
        let due = r#"{"status":"fail","message":{"bank_details.swift":["The bank details.swift member is unknown."],"priority":["The priority member is unknown."]}}"#;
        assert_eq!(told, due);
        assert_eq!(read(&signed(&more), UnknownMembers::Sign, |_| ()), Ok(()));
    }

    #[test]
    fn what_could_slide_from_one_member_to_another_is_refused_before_all() {
        let body = r#"{"account_number":"111","amount":10,"comment":"5000:INR:55","currency_code":"INR","label":"55"}"#;
        let told = read(&signed(body), REFUSE, |_| ()).unwrap_err();
        let due = r#"{"status":"fail","message":{"comment":["The comment must not have colons or control characters."]}}"#;
        assert_eq!(told, due);
        let told = |body: &str| answered(&Signed::decode(body.as_bytes()).unwrap_err());
        let number = VECTOR.replace("1218", "1218.000000000000001");
        assert!(told(&number).contains("The amount must have at most 14 significant digits."));
        let unsigned = VECTOR.replace("signature", "sign");
        assert!(told(&unsigned).contains("The signature field is required."));
        let doubled = VECTOR.replace("{\"withdrawal_id\"", "{\"amount\":1,\"withdrawal_id\"");
        assert!(told(&doubled).contains("The amount member must not be given twice."));
        let capitals = VECTOR.replace("86e613", "86E613");
        assert!(told(&capitals).contains("The signature is invalid."));
    }

    #[test]
    fn what_a_payment_system_must_know_is_asked_for() {
        let told = |body: &str| {
            let told = read(&signed(body), REFUSE, |_| ()).unwrap_err();
            let message = told.split("\"message\":").nth(1).unwrap();
            message.strip_suffix('}').unwrap().to_owned()
        };
        assert_eq!(
            told(r#"{"payment_system":"bkash"}"#),
            concat!(
                r#"{"currency_code":["The currency code field is required."],"#,
                r#""amount":["The amount field is required."],"#,
                r#""label":["The label field is required."],"#,
                r#""is_test":["The is test field is required."]}"#
            )
        );
        let whole = r#"{"payment_system":"bkash","amount":"820.50","currency_code":"BDT","label":"55","is_test":false}"#;
        let email = r#"{"account_email":["The account email field is required."]}"#;
        assert_eq!(told(whole), email);
        assert_eq!(told(&whole.replace('}', r#","comment":"abcd"}"#)), email);
        for (from, to, due) in [
            (
                "bkash",
                "imps",
                r#"{"payment_system":["The selected payment system is invalid."]}"#,
            ),
            (
                "\"55\"",
                "\" 55\"",
                r#"{"label":["The label must not begin or end with a space."]"#,
            ),
            (
                "false",
                "\"no\"",
                r#"{"is_test":["The is test field must be true or false."]"#,
            ),
            (
                "\"820.50\"",
                "0",
                r#"{"amount":["The amount must be greater than 0."]"#,
            ),
            (
                "\"820.50\"",
                "1.001",
                r#"{"amount":["The amount must have at most 2 decimal"#,
            ),
            (
                "820.50",
                "50000.01",
                r#"{"amount":["The amount must be between 1.00 and 50000.00."]"#,
            ),
            (
                "}",
                ",\"comment\":\"abc\"}",
                r#"{"comment":["The comment must be at least 4"#,
            ),
            (
                "}",
                ",\"withdrawal_id\":7}",
                r#"{"withdrawal_id":["The withdrawal id must be a"#,
            ),
            (
                "}",
                ",\"bank_details\":\"x\"}",
                r#"{"bank_details":["The bank details must be an"#,
            ),
        ] {
            let told = told(&whole.replacen(from, to, 1));
            assert!(told.starts_with(due), "{told} is not {due}");
        }
    }
}

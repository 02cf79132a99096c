//! What merchants are told of their deposits (paykassma-api.md, Deposits and Small print).

use super::deposits::custom_id_required;
use super::parameters::{Faults, words};
use super::reply::Reply;
use super::texts::BALANCE_LIMIT;
use crate::engine::catalogue::PaymentSystem;
use crate::engine::deposit::{DepositSeen, Way};
use crate::engine::refusal::DepositRefusal;

/// An operator looks at it.
const CHECK_STARTED: &str = "Check of deposit status started. The operation may take longer than \
    expected. Once checked the funds will credit to you account";
/// An operator has said no.
const REJECTED: &str = "Deposit rejected";
/// Nobody has paid in time.
const EXPIRED: &str = "Transaction not found. Possible transaction expired";
/// The page was not used in time.
const PAGE_EXPIRED: &str = "Payment page expired";
/// The deposit has its number.
const KEY1_NAMED: &str = "Another transaction number was named";
/// There is no such deposit.
const UNKNOWN: &str = "Deposit not found";
/// An operator or a payment was there before.
const ACTIVATED: &str = "Deposit already activated";
/// The payment is an order's, or another deposit's.
const PAYMENT_TAKEN: &str = "The payment has already been used.";
/// The payment is in another currency.
const OTHER_CURRENCY: &str = "The payment was made in another currency";
/// Nobody knows what was told of it.
const TOLD_UNKNOWN: &str = "Deposit already told";
/// Nothing is configured to pay to.
const NO_REQUISITES: &str = "No requisites available";

impl Reply {
    /// What has become of a deposit that was asked to be activated.
    pub fn deposit(seen: DepositSeen, way: &Way) -> Reply {
        match (seen, way) {
            (DepositSeen::Rejected, _) => Reply::fail(400, REJECTED),
            (DepositSeen::Expired, _) => Reply::fail(400, EXPIRED),
            (_, Way::Hand { .. }) => Reply::taken_for_an_operator(),
            (DepositSeen::Open | DepositSeen::Possible, Way::Code) => Reply::possible(),
            (DepositSeen::Waiting, Way::Code) => Reply::fail(400, CHECK_STARTED),
            (DepositSeen::Saved | DepositSeen::Credited, Way::Code) => Reply::ok(),
        }
    }

    /// Why a deposit, or a name for one, is not taken.
    pub fn deposit_refused(refusal: DepositRefusal, of_custom_id: &str) -> Reply {
        let used = |field: &str| {
            let text = format!("The {} has already been taken.", words(field));
            Reply::invalid(&Faults::one(field, &text))
        };
        let required = |field: &str| {
            let text = format!("The {} field is required.", words(field));
            Reply::invalid(&Faults::one(field, &text))
        };
        match refusal {
            DepositRefusal::Key1Used => used("key1"),
            DepositRefusal::CustomIdUsed => used(of_custom_id),
            DepositRefusal::CustomIdMissing => Reply::invalid(&custom_id_required()),
            DepositRefusal::Key1Missing => required("key1"),
            DepositRefusal::AmountUnknown => required("amount"),
            DepositRefusal::NoRequisites => Reply::fail(400, NO_REQUISITES),
            DepositRefusal::Rejected => Reply::fail(400, REJECTED),
            DepositRefusal::PageExpired => Reply::fail(400, PAGE_EXPIRED),
            DepositRefusal::Key1Named => Reply::fail(400, KEY1_NAMED),
            DepositRefusal::Unknown => Reply::fail(400, UNKNOWN),
            DepositRefusal::Activated => Reply::fail(400, ACTIVATED),
            DepositRefusal::PaymentTaken => Reply::fail(400, PAYMENT_TAKEN),
            DepositRefusal::OtherCurrency => Reply::fail(400, OTHER_CURRENCY),
            DepositRefusal::ToldUnknown => Reply::fail(400, TOLD_UNKNOWN),
            DepositRefusal::BalanceOutOfRange => {
                Reply::invalid(&Faults::one("amount", BALANCE_LIMIT))
            }
        }
    }
}

/// What is wrong with a payment system that is asked for in the other of the two ways: operators
/// decide on deposits of some, and of no others.
pub fn other_way(system: &PaymentSystem, by_hand: bool) -> Option<Faults> {
    let name = "wallet_type";
    let text = format!("The selected {} is invalid.", words(name));
    (system.is_manual != by_hand).then(|| Faults::one(name, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_become_of_a_deposit_is_told_in_the_documents_words() {
        let told = |seen| {
            let reply = Reply::deposit(seen, &Way::Code);
            (reply.status, String::from_utf8(reply.body).unwrap())
        };
        let ok = r#"{"status":"ok"}"#.to_owned();
        assert_eq!(told(DepositSeen::Saved), (200, ok.clone()));
        assert_eq!(told(DepositSeen::Credited), (200, ok));
        let check = "Check of deposit status started. The operation may take longer than expected. \
                     Once checked the funds will credit to you account";
        let check = format!(r#"{{"status":"fail","message":"{check}"}}"#);
        assert_eq!(told(DepositSeen::Waiting), (400, check));
        assert_eq!(told(DepositSeen::Possible).0, 200);
        assert_eq!(told(DepositSeen::Expired).0, 400);
    }

    #[test]
    fn each_refusal_has_a_text_of_its_own_and_none_says_that_it_passes() {
        let refusals = [
            DepositRefusal::Unknown,
            DepositRefusal::Key1Used,
            DepositRefusal::CustomIdMissing,
            DepositRefusal::CustomIdUsed,
            DepositRefusal::Key1Named,
            DepositRefusal::PageExpired,
            DepositRefusal::Key1Missing,
            DepositRefusal::NoRequisites,
            DepositRefusal::Rejected,
            DepositRefusal::Activated,
            DepositRefusal::PaymentTaken,
            DepositRefusal::AmountUnknown,
            DepositRefusal::BalanceOutOfRange,
            DepositRefusal::OtherCurrency,
            DepositRefusal::ToldUnknown,
        ];
        let mut told: Vec<String> = Vec::new();
        for refusal in refusals {
            let reply = Reply::deposit_refused(refusal, "custom_transaction_id");
            assert_eq!(reply.status, 400, "{refusal:?}");
            let text = String::from_utf8(reply.body).unwrap();
            assert!(!text.contains("try again"), "{refusal:?}: {text}");
            assert!(!told.contains(&text), "{refusal:?}: {text}");
            told.push(text);
        }
    }
}

//! What game servers and partners send, and amounts however they come.

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::split;
use crate::engine::command::Command;
use crate::engine::document::TransferKind;
use crate::engine::rates::{Rate, Units};
use crate::money::{Amount, Sum};
use crate::protocol::partner::orders::GatewayCall;
use crate::protocol::partner::request::{
    HistoryPage, decode_mobile, decode_mobile_by, decode_registration, decode_transfer,
    decode_transfer_id,
};
use crate::protocol::percent;
use crate::protocol::wallet::request::Decoder;

/// The largest amount of a request, in cents (wallet-api.md, Requests; partner-api.md, Who is
/// calling).
const CENTS_MAX: u64 = 1_000_000_000_000_000;

/// A request of a game server: what is taken is JSON, is within its limits, and is read the same
/// by a decoder that has read something else before.
///
/// # Panics
/// Where that does not hold.
pub fn check_wallet(body: &[u8]) {
    let mut fresh = Decoder::default();
    let read = fresh.decode(body);
    let mut used = Decoder::default();
    let _other = used.decode(br#"{"type":"win","win":18446744073709551616,"code":"a"}"#);
    assert_eq!(used.decode(body), read);
    let Ok(request) = read else {
        return;
    };
    assert!(serde_json::from_slice::<&RawValue>(body).is_ok());
    assert!((1..=128).contains(&request.code.len()));
    if let Command::Bet(of) | Command::Win(of) = request.command {
        assert!(of.amount.cents() <= CENTS_MAX);
    }
}

/// A line that a path and a query are cut from at a `?`, and a body after it: of every call of
/// partners, what is taken is within its limits.
///
/// # Panics
/// Where that does not hold.
pub fn check_partner(bytes: &[u8]) {
    let Some((line, body)) = split(bytes) else {
        return;
    };
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    let path = percent::decode(path).unwrap_or_default();
    let good = |amount: Amount| (1..=CENTS_MAX).contains(&amount.cents());
    let is_number = |mobile: &str| {
        (7..=15).contains(&mobile.len()) && mobile.bytes().all(|byte| byte.is_ascii_digit())
    };
    if let Ok(mobile) = decode_mobile(&path) {
        assert!(is_number(mobile.as_str()));
    }
    if let Ok(id) = decode_transfer_id(&path) {
        assert!((1..=190).contains(&id.as_str().chars().count()));
        assert!(!id.as_str().contains(char::is_control));
    }
    if let Some(Ok(page)) = HistoryPage::decode(&path, query) {
        assert!((1..=200).contains(&page.items_max));
    }
    for kind in [TransferKind::Deposit, TransferKind::Withdrawal] {
        if let Ok(Ok(new)) = decode_transfer(body, kind) {
            assert!(good(new.amount) && is_number(new.mobile.as_str()));
        }
    }
    if let Ok(Ok(new)) = decode_registration(body) {
        assert!(is_number(new.mobile.as_str()));
    }
    let _by_any_name = decode_mobile_by(body, &["mobile", "mboile", "username"]);
    let Ok(call) = GatewayCall::decode(body, query) else {
        return;
    };
    if let Ok(Ok(new)) = call.new_order() {
        assert!(good(new.amount));
    }
    let _named = call.wanted().is_ok_and(|wanted| wanted.is_ok());
}

/// A text that may be an amount: what is taken has the digits that were written, and is written so
/// that it is read again. Of rates and of what they change an amount into too.
///
/// # Panics
/// Where that does not hold.
pub fn check_amount(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(amount) = Amount::from_decimal(text) {
        assert_eq!(naive_cents(text), u128::from(amount.cents()), "{text:?}");
        assert_eq!(Amount::from_decimal(&amount.to_string()), Ok(amount));
    }
    if let Ok(sum) = Sum::from_decimal(text) {
        assert_eq!(Sum::from_decimal(&sum.to_string()), Ok(sum));
    }
    if let Ok(rate) = text.parse::<Rate>() {
        assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
        let exact = Decimal::from_str_exact(text).map(|of| of.normalize().to_string());
        assert_eq!(exact, Ok(rate.to_string()));
    }
    if let Ok(units) = text.parse::<Units>() {
        assert_eq!(units.to_string().parse::<Units>(), Ok(units));
    }
}

/// The cents of a text that was taken, digit by digit.
fn naive_cents(text: &str) -> u128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.bytes().chain(format!("{fraction:0<2}").into_bytes());
    digits.fold(0, |cents, digit| cents * 10 + u128::from(digit - b'0'))
}

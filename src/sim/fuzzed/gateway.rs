//! What merchants send: signed bodies, forms, queries.

use bytes::Bytes;

use super::split;
use crate::engine::catalogue::{Catalogue, PaymentSystem};
use crate::engine::settings::UnknownMembers;
use crate::protocol::paykassma::flatten::signing_text;
use crate::protocol::paykassma::gateway::addresses::Addresses;
use crate::protocol::paykassma::gateway::deposits::{Activation, Available, CustomId, Savings};
use crate::protocol::paykassma::gateway::form::{self, SCREENSHOT_BYTES_MAX};
use crate::protocol::paykassma::gateway::lookups::{Pull, Wanted};
use crate::protocol::paykassma::gateway::parameters::{self, SECRET};
use crate::protocol::paykassma::gateway::withdrawals::Signed;
use crate::protocol::paykassma::php::number_text;
use crate::protocol::paykassma::value::{self, Members, Value};
use crate::sim::sample;

/// A body that is signed: what is signed has neither control characters nor numbers that PHP would
/// write otherwise, and can be read as a withdrawal or be refused.
///
/// # Panics
/// Where that does not hold.
pub fn check_signing(body: &[u8]) {
    let Ok(members) = value::decode(body) else {
        return;
    };
    if let Ok(text) = signing_text(&members) {
        assert!(!text.contains(char::is_control), "{text:?}");
        for (_, value) in &members {
            check_numbers(value);
        }
    }
    for unknown in [UnknownMembers::Refuse, UnknownMembers::Sign] {
        check_withdrawal(body, unknown);
    }
}

/// One that is taken is within its payment system's limits, and says what that must know.
fn check_withdrawal(body: &[u8], unknown: UnknownMembers) {
    let (catalogue, system) = offered();
    let Ok(signed) = Signed::decode(body) else {
        return;
    };
    let Ok(request) = signed.request(&catalogue, unknown, system.currency) else {
        return;
    };
    let asked = request.asked;
    assert_eq!(asked.wallet_type, system.wallet_type);
    assert_eq!(asked.currency, system.currency);
    assert!(system.takes(asked.amount), "{}", asked.amount);
    let texts = asked.details.said().map(|(_, text)| text.as_str());
    let texts = texts.chain([asked.label.as_str()]);
    for text in texts {
        assert!(!text.contains(|of: char| of == ':' || of.is_control()));
    }
    if asked.old_form.is_none() {
        assert!(asked.details.account_name.is_some());
    }
}

/// All that is offered here: one payment system.
fn offered() -> (Catalogue, PaymentSystem) {
    let system = sample::payment_system();
    let mut catalogue = Catalogue::default();
    let added = catalogue.add(system.clone());
    added.expect("it is the first");
    (catalogue, system)
}

/// What PHP makes of a number, it makes of that again.
fn check_numbers(value: &Value) {
    match value {
        Value::Number(number) => {
            // PHP reads a whole -0 as 0, and -0.0 as what it writes -0.
            if let Ok(text) = number_text(number)
                && text != "-0"
            {
                assert_eq!(number_text(&text).as_deref(), Ok(&*text), "{number}");
            }
        }
        Value::List(items) => items.iter().for_each(check_numbers),
        Value::Object(members) => members.iter().for_each(|(_, value)| check_numbers(value)),
        Value::Null | Value::Truth(_) | Value::Text(_) => {}
    }
}

/// A form, after a line with its `Content-Type`: no field comes twice, and no picture is larger
/// than it may be.
///
/// # Panics
/// Where that does not hold.
pub fn check_form(bytes: &[u8]) {
    let Some((content_type, body)) = split(bytes) else {
        return;
    };
    let Ok(form) = form::decode(content_type, Bytes::copy_from_slice(body)) else {
        return;
    };
    for (place, (name, _)) in form.members.iter().enumerate() {
        let others = &form.members[place + 1..];
        assert!(
            others.iter().all(|(other, _)| other != name),
            "{name} twice"
        );
    }
    if let Some(screenshot) = &form.screenshot {
        assert!((1..=SCREENSHOT_BYTES_MAX).contains(&screenshot.bytes.len()));
    }
    check_calls(&form.members);
}

/// A query, and a body after a line: the secret is no parameter, and every call can be read or be
/// refused.
///
/// # Panics
/// Where that does not hold.
pub fn check_query(bytes: &[u8]) {
    let Some((query, body)) = split(bytes) else {
        return;
    };
    let _named: Option<String> = parameters::secret(query);
    let of_query = parameters::of_query(query, b"");
    if let Ok(members) = &of_query {
        assert!(members.iter().all(|(name, _)| name != SECRET));
    }
    let both = [of_query, parameters::of_query(query, body)];
    both.iter().flatten().for_each(check_calls);
}

fn check_calls(members: &Members) {
    let (catalogue, system) = offered();
    if let Ok(pull) = Pull::decode(members) {
        assert!((1..=100).contains(&pull.ids.len()));
    }
    if let Ok(available) = Available::decode(members) {
        assert!((1..=100).contains(&available.currencies.len()));
    }
    let _read = (
        Wanted::decode(members).is_ok(),
        Addresses::decode(members).is_ok(),
        CustomId::decode(members).is_ok(),
        Savings::decode(members, &catalogue).is_ok(),
    );
    for by_hand in [false, true] {
        let Ok(of) = Activation::decode(members, &catalogue, by_hand) else {
            continue;
        };
        assert_eq!(of.system, &system);
        assert_eq!(system.key1.check(of.key1.as_str()), Ok(()));
        assert!(of.amount.map_or(!by_hand, |amount| system.takes(amount)));
    }
}

//! The page that a merchant's payer pays a deposit on (paykassma-api.md, `payment/create`). Anybody
//! may ask: that nobody can guess its address is the proof.
//!
//! What the payer names there activates the deposit as `transaction/activate` does.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::{TYPED_MAX, asked_wrongly, gone, html, is_read, see, typed, unavailable, unknown};
use crate::engine::activation::NewDeposit;
use crate::engine::catalogue::{Key1, Key1Chars, Key1Fault, Param, PaymentSystem};
use crate::engine::deposit::{Deposit, DepositSeen};
use crate::engine::hosted::Hosted;
use crate::engine::refusal::DepositRefusal;
use crate::http::reply::Reply;
use crate::http::{State, gateway};
use crate::id::{DepositReference, PaymentReference, UpiAddress};
use crate::ledger::{DepositError, Latched, Observed, PartnerRow};
use crate::page::{self, Entry, Number, Payment, Requisites, Stage, Transfer, characters};
use crate::protocol::upi;
use crate::time::{Span, Timestamp};

/// What is told beside the field.
const ANOTHERS: &str = "This number was named for another payment. Please look it up again.";

/// A payment system that is offered no more takes whatever number there is.
const ANY_NUMBER: Key1 = Key1 {
    min: 1,
    max: 190,
    chars: Key1Chars::Any,
};

/// A deposit with what its page shows, and its merchant.
struct Seen {
    deposit: Deposit,
    hosted: Hosted,
    merchant: Arc<PartnerRow>,
    /// What it is paid through, if that is still offered.
    system: Option<PaymentSystem>,
}

impl Seen {
    fn key1(&self) -> Key1 {
        self.system
            .as_ref()
            .map_or(ANY_NUMBER, |system| system.key1)
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.deposit.seen(now) == DepositSeen::Open
    }
}

/// Answers a request for what lies below `/payment/` under `name`.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(super) async fn answer(
    state: &State,
    head: &Parts,
    name: &str,
    body: &[u8],
) -> Result<Reply, Latched> {
    if let Some(reply) = asked_wrongly(&head.method, name) {
        return Ok(reply);
    }
    let Ok(reference) = name.parse() else {
        return Ok(unknown());
    };
    let seen = match found(state, &reference).await? {
        Ok(seen) => seen,
        Err(reply) => return Ok(reply),
    };
    if is_read(&head.method) {
        return Ok(drawn(state, &seen, StatusCode::OK, Entry::default()));
    }
    let typed = typed(body, "key1");
    let key1 = seen.key1();
    match number(&typed, key1) {
        Ok(number) => name_number(state, seen, number).await,
        Err(fault) => {
            let looks = characters(key1);
            let fault = match fault {
                Key1Fault::Length | Key1Fault::Characters => {
                    format!("The number has {looks}. Please look it up again.")
                }
            };
            Ok(again(state, &seen, &typed, &fault))
        }
    }
}

/// The number that was typed. People put blanks between digits, and apps copy them along.
fn number(typed: &str, key1: Key1) -> Result<PaymentReference, Key1Fault> {
    let text: String = match key1.chars {
        Key1Chars::Any => typed.trim().to_owned(),
        Key1Chars::Digits | Key1Chars::LettersAndDigits => {
            typed.chars().filter(|c| !c.is_whitespace()).collect()
        }
    };
    key1.check(&text)?;
    text.parse().map_err(|_| Key1Fault::Characters)
}

/// Activates the deposit, and leads back to the page: loaded again, it asks for nothing twice.
async fn name_number(
    state: &State,
    seen: Seen,
    number: PaymentReference,
) -> Result<Reply, Latched> {
    let deposit = &seen.deposit;
    let new = NewDeposit {
        reference: deposit.reference.clone(),
        wallet_type: deposit.wallet_type,
        currency: deposit.currency,
        label: deposit.label.clone(),
        key1: number,
        amount: deposit.amount,
        custom_transaction_id: Some(deposit.custom_transaction_id.clone()),
        way: deposit.way.clone(),
    };
    let payments = &state.settings.payments.rules;
    let activated = gateway::with_rules(state, |rules| {
        let ledger = &state.ledger;
        ledger.activate_deposit(&seen.merchant, &new, payments, rules)
    });
    match activated {
        Ok(Observed { seq, .. }) => {
            state.ledger.durable(seq).await?;
            Ok(see(deposit.reference.as_str()))
        }
        Err(DepositError::Refused(refusal, seq)) => {
            state.ledger.durable(seq).await?;
            Ok(match refusal {
                DepositRefusal::Key1Used => again(state, &seen, new.key1.as_str(), ANOTHERS),
                // The page says what has become of it.
                _ => see(deposit.reference.as_str()),
            })
        }
        Err(DepositError::Unavailable) => Ok(unavailable()),
    }
}

/// What was typed is not taken: the page once more, with that in it.
fn again(state: &State, seen: &Seen, typed: &str, fault: &str) -> Reply {
    if !seen.is_open(state.ledger.now()) {
        return see(seen.deposit.reference.as_str());
    }
    let typed: String = typed.chars().take(TYPED_MAX).collect();
    let entry = Entry {
        typed: &typed,
        fault: Some(fault),
    };
    drawn(state, seen, StatusCode::UNPROCESSABLE_ENTITY, entry)
}

/// The deposit, as it is durable; or what is answered instead.
async fn found(
    state: &State,
    reference: &DepositReference,
) -> Result<Result<Seen, Reply>, Latched> {
    let payments = &state.settings.payments.rules;
    let deposit = match state.ledger.deposit(reference, payments) {
        Ok(Observed { value, seq }) => {
            state.ledger.durable(seq).await?;
            value.deposit.document
        }
        Err(DepositError::Refused(_, seq)) => {
            state.ledger.durable(seq).await?;
            return Ok(Err(unknown()));
        }
        Err(DepositError::Unavailable) => return Ok(Err(unavailable())),
    };
    let Some(hosted) = deposit.hosted.clone() else {
        return Ok(Err(unknown()));
    };
    let Ok(merchant) = state.ledger.partner(deposit.partner) else {
        return Ok(Err(unavailable()));
    };
    state.ledger.durable(merchant.seq).await?;
    let merchant = merchant.value;
    if !merchant.is_live(state.ledger.now()) {
        return Ok(Err(gone()));
    }
    let system = state.gateway.system(deposit.wallet_type, deposit.currency);
    Ok(Ok(Seen {
        deposit,
        hosted,
        merchant,
        system,
    }))
}

/// The deposit's page; `entry` is the field while it is there.
fn drawn(state: &State, seen: &Seen, status: StatusCode, entry: Entry<'_>) -> Reply {
    let Seen {
        deposit,
        hosted,
        merchant,
        system,
    } = seen;
    let brought = deposit.activated.as_ref();
    let amount = brought.map(|of| of.amount).or(deposit.amount);
    let reference = deposit.reference.as_str();
    let params = system.iter().flat_map(|system| &system.params);
    let params: Vec<(&str, &str)> = params.filter_map(said).collect();
    let upi = upi_link(state, seen);
    let transfer = upi.as_ref().map(|(address, link)| Transfer {
        address: address.as_str(),
        link,
    });
    let name = system.as_ref().map(|system| system.name.as_str());
    let page = page::payment(&Payment {
        payee: merchant.name.as_str(),
        amount: amount.expect("a deposit with a page says how much"),
        currency: brought.map_or(deposit.currency, |of| of.currency),
        note: None,
        reference,
        requisites: Some(Requisites {
            system: name.unwrap_or(deposit.wallet_type.as_str()),
            bank: hosted.bank.as_str(),
            identifier: &hosted.identifier,
            params: &params,
        }),
        transfer,
        number: Number::Transaction(seen.key1()),
        back: Some(hosted.redirect_url.as_str()),
        stage: stage(deposit, state.ledger.now(), entry),
    });
    html(status, page)
}

/// What the catalogue says to people; the rest is for programs.
fn said<'a>((name, param): (&'a String, &'a Param)) -> Option<(&'a str, &'a str)> {
    match param {
        Param::Text(text) => Some((name, text)),
        Param::Number(_) | Param::Truth(_) => None,
    }
}

/// The UPI payment, where what is paid to is an address that rupees go to by UPI.
fn upi_link(state: &State, seen: &Seen) -> Option<(UpiAddress, String)> {
    let deposit = &seen.deposit;
    let address: UpiAddress = seen.hosted.identifier.parse().ok()?;
    let amount = deposit
        .amount
        .filter(|_| deposit.currency.as_str() == "INR")?;
    let payments = &state.settings.payments;
    let is_own = payments.upi_address.as_ref() == Some(&address);
    let own = payments.upi_name.clone().filter(|_| is_own);
    let name = own.or_else(|| seen.merchant.name.as_str().parse().ok())?;
    let link = upi::link(&address, &name, amount, deposit.reference.as_str());
    Some((address, link))
}

fn stage<'a>(deposit: &'a Deposit, now: Timestamp, entry: Entry<'a>) -> Stage<'a> {
    let named = deposit.key1.as_ref().map(|key1| key1.as_str());
    let left = deposit.expires_at.micros().saturating_sub(now.micros());
    let left = Span::from_micros(left);
    let sent = |left| Stage::Sent {
        utr: named.unwrap_or_default(),
        left,
        may_correct: false,
        entry: None,
    };
    match deposit.seen(now) {
        DepositSeen::Open => Stage::Open { left, entry },
        DepositSeen::Possible => sent(Some(left)),
        DepositSeen::Waiting => sent(None),
        DepositSeen::Saved => Stage::Saved { utr: named },
        DepositSeen::Credited => Stage::Paid { utr: named },
        DepositSeen::Rejected => Stage::Rejected,
        DepositSeen::Expired => Stage::Expired { utr: named },
    }
}

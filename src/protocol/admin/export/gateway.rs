//! The gateway's documents in the journal's rows.

use serde_json::{Value, json};

use crate::engine::deposit::{Deposit, DepositNamed, Key1Used, LeftId, Savings, Stockpiles};
use crate::engine::gateway::GatewayDocument;
use crate::engine::hashed::HashedUrl;
use crate::engine::merchant::{Merchant, MerchantAccount};
use crate::engine::postback::{Attempt, Delivery, DeliveryState, Postback, PostbackOf};
use crate::engine::rates::RatesTable;
use crate::engine::requisites::{Requisites, Turn};
use crate::engine::withdrawal::{Asked, PayoutDetails, SignedRequest, Withdrawal};
use crate::money::Sum;

/// A document of the gateway without what opens a door.
pub(super) fn told(document: &GatewayDocument) -> Value {
    match document {
        GatewayDocument::Merchant(Merchant { partner, accounts }) => json!({ "merchant": {
            "partner": partner, "accounts": accounts,
        } }),
        GatewayDocument::MerchantAccount(MerchantAccount {
            partner,
            wallet_type,
            currency,
            cents,
            previous,
        }) => json!({ "merchant_account": {
            "partner": partner, "wallet_type": wallet_type, "currency": currency,
            "balance": Sum::from(*cents).to_string(), "previous": previous,
        } }),
        GatewayDocument::Withdrawal(withdrawal) => {
            json!({ "withdrawal": withdrawal_told(withdrawal) })
        }
        GatewayDocument::SignedRequest(SignedRequest {
            partner,
            signature: _,
            withdrawal,
        }) => json!({ "signed_request": { "partner": partner, "withdrawal_id": withdrawal } }),
        GatewayDocument::Postback(postback) => json!({ "postback": postback_told(postback) }),
        GatewayDocument::Delivery(delivery) => json!({ "delivery": delivery_told(delivery) }),
        GatewayDocument::Attempt(Attempt {
            of,
            number,
            url,
            answer,
            corrections,
        }) => json!({ "attempt": {
            "of": of_told(of), "number": number, "url": url, "answer": answer,
            "corrections": corrections,
        } }),
        GatewayDocument::HashedUrl(HashedUrl {
            partner,
            hash: _,
            url,
            until,
        }) => json!({ "hashed_url": {
            "partner": partner, "url": url, "until": until.to_string(),
        } }),
        GatewayDocument::RatesTable(RatesTable { rates }) => json!({ "rates": rates }),
        GatewayDocument::Deposit(deposit) => json!({ "deposit": deposit_told(deposit) }),
        GatewayDocument::DepositNamed(named) => json!({ "deposit_named": named_told(named) }),
        GatewayDocument::Key1Used(used) => json!({ "key1_used": used_told(used) }),
        GatewayDocument::LeftId(LeftId {
            partner,
            label,
            id,
            deposit,
        }) => json!({ "left_id": {
            "partner": partner, "label": label, "custom_transaction_id": id, "deposit": deposit,
        } }),
        GatewayDocument::Savings(savings) => json!({ "savings": savings_told(savings) }),
        GatewayDocument::Stockpiles(Stockpiles { partner, last }) => {
            json!({ "stockpiles": { "partner": partner, "last": last } })
        }
        GatewayDocument::Requisites(given) => json!({ "requisites": requisites_told(given) }),
        GatewayDocument::Turn(turn) => json!({ "turn": turn_told(turn) }),
    }
}

fn named_told(named: &DepositNamed) -> Value {
    let DepositNamed {
        partner,
        custom_transaction_id,
        deposit,
    } = named;
    json!({
        "partner": partner, "custom_transaction_id": custom_transaction_id, "deposit": deposit,
    })
}

fn used_told(used: &Key1Used) -> Value {
    let Key1Used {
        wallet_type,
        key1,
        deposit,
    } = used;
    json!({ "wallet_type": wallet_type, "key1": key1, "deposit": deposit })
}

fn savings_told(savings: &Savings) -> Value {
    let Savings {
        of,
        stockpiling_id,
        sum,
        deposits,
    } = savings;
    json!({
        "of": of, "stockpiling_id": stockpiling_id, "sum": sum.to_string(), "deposits": deposits,
    })
}

fn requisites_told(given: &Requisites) -> Value {
    let Requisites {
        of,
        identifier,
        deposit,
    } = given;
    json!({ "of": of, "identifier": identifier, "deposit": deposit })
}

fn turn_told(turn: &Turn) -> Value {
    let Turn {
        wallet_type,
        currency,
        given,
    } = turn;
    json!({ "wallet_type": wallet_type, "currency": currency, "given": given })
}

fn deposit_told(deposit: &Deposit) -> Value {
    let Deposit {
        reference,
        partner,
        wallet_type,
        currency,
        label,
        custom_transaction_id,
        id_was_left,
        key1,
        amount,
        way,
        expires_at,
        state,
        activated,
        told,
        note,
        hosted,
    } = deposit;
    let activated = activated.as_ref().map(|of| {
        json!({
            "at": of.at.to_string(), "amount": of.amount.to_string(), "currency": of.currency,
            "by_payment": of.by_payment, "payer": of.payer, "note": of.note,
            "approved_amount": of.word.map(|word| word.to_string()),
            "stockpiling_id": of.stockpiling_id,
        })
    });
    json!({
        "id": reference, "partner": partner, "wallet_type": wallet_type, "currency": currency,
        "label": label, "custom_transaction_id": custom_transaction_id,
        "id_was_left": id_was_left, "key1": key1,
        "amount": amount.map(|amount| amount.to_string()), "way": way,
        "expires_at": expires_at.to_string(), "state": state, "activated": activated,
        "postback": told, "note": note, "hosted": hosted,
    })
}

fn of_told(of: &PostbackOf) -> Value {
    let PostbackOf {
        partner,
        kind,
        name,
    } = of;
    json!({ "partner": partner, "type": kind.name(), "name": name })
}

fn withdrawal_told(withdrawal: &Withdrawal) -> Value {
    let Withdrawal {
        partner,
        id,
        id_made,
        signature: _,
        asked,
        state,
        note,
    } = withdrawal;
    let Asked {
        wallet_type,
        amount,
        currency,
        label,
        is_test,
        comment,
        details,
        old_form,
    } = asked;
    json!({
        "partner": partner, "withdrawal_id": id, "withdrawal_id_made": id_made,
        "wallet_type": wallet_type, "amount": amount.to_string(), "currency": currency,
        "label": label, "is_test": is_test, "comment": comment,
        "details": details_told(details), "old_form": old_form, "state": state.name(),
        "note": note,
    })
}

fn details_told(details: &PayoutDetails) -> Value {
    let said = details.said();
    said.map(|(name, text)| (name.to_owned(), Value::from(text.as_str())))
        .collect()
}

fn postback_told(postback: &Postback) -> Value {
    let Postback {
        of,
        body,
        deposits,
        corrections,
    } = postback;
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("signature");
    }
    json!({
        "of": of_told(of), "body": body, "deposits": deposits, "corrections": corrections,
    })
}

fn delivery_told(delivery: &Delivery) -> Value {
    let Delivery {
        of,
        state,
        attempts,
        tries,
        since,
    } = delivery;
    let due = match state {
        DeliveryState::Due(at) => Some(at.to_string()),
        DeliveryState::Delivered | DeliveryState::Waiting => None,
    };
    json!({
        "of": of_told(of), "state": state.name(), "due_at": due, "attempts": attempts,
        "tries": tries, "since": since.to_string(),
    })
}

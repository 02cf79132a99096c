//! The gateway's calls (paykassma-api.md).

use super::{Answer, Call, JSON, Proof};
use crate::http::gateway::{ENDPOINTS, Endpoint};

/// What is said of a call beside its method and path.
struct Said {
    summary: &'static str,
    proof: Proof,
    query: &'static str,
    /// What is sent; empty for nothing.
    body: &'static str,
    /// What a success tells.
    told: &'static str,
    /// Other answers than those that all calls may get.
    others: &'static [Answer],
}

const SAID: Said = Said {
    summary: "",
    proof: Proof::Merchant,
    query: "",
    body: "",
    told: "",
    others: &[],
};

/// A form with a picture in it.
const PICTURED: &str = "multipart/form-data";

/// All calls whose paths begin with `path`.
pub(super) fn calls(path: &str) -> Vec<Call> {
    let wanted = ENDPOINTS.iter().filter(|(_, _, at)| at.starts_with(path));
    wanted.map(call).collect()
}

fn call((endpoint, method, at): &(Endpoint, hyper::Method, &str)) -> Call {
    let said = said(*endpoint);
    let mut answers: Vec<Answer> = vec![
        (200, "Done", JSON, said.told),
        (0, "Not done", JSON, "GatewayRefused"),
    ];
    answers.extend(said.others);
    let kind = match endpoint {
        Endpoint::ActivateByHand => PICTURED,
        _ => JSON,
    };
    // One call has two paths.
    let other = match *at {
        "/api/v1/possible-transaction" => "AtItsOtherPath",
        _ => "",
    };
    Call {
        id: format!("{endpoint:?}{other}"),
        method: method.clone(),
        path: at.replace(
            '*',
            match endpoint {
                Endpoint::CreatePayment => "{payment_system}",
                _ => "{wallet_type}",
            },
        ),
        summary: said.summary,
        proof: said.proof,
        headers: "",
        query: said.query,
        body: (!said.body.is_empty()).then_some((kind, said.body)),
        answers,
    }
}

fn said(endpoint: Endpoint) -> Said {
    match endpoint {
        Endpoint::Available => AVAILABLE,
        Endpoint::Media => MEDIA,
        Endpoint::Create => CREATE,
        Endpoint::CreatePayment => CREATE_PAYMENT,
        Endpoint::Activate => ACTIVATE,
        Endpoint::ActivateByHand => ACTIVATE_BY_HAND,
        Endpoint::DepositInfo => DEPOSIT_INFO,
        Endpoint::SaveCustomId => SAVE_CUSTOM_ID,
        Endpoint::HashUrls => HASH_URLS,
        Endpoint::Withdraw => WITHDRAW,
        Endpoint::Postback => POSTBACK,
        Endpoint::PullPostbacks => PULL_POSTBACKS,
        Endpoint::Balances => BALANCES,
    }
}

const AVAILABLE: Said = Said {
    summary: "List the payment systems of some currencies",
    query: "{currency_code: [Currency], label: text}",
    told: r#"{status: "ok", params: {currency_data: [{code: Currency, symbol: text}],
        wallets: [{type: text, currency_code: Currency, order: whole, logo: text, name: text,
        is_manual: truth, uploading_payment_bill: truth, limits: {min: number, max: number},
        minimum_deposit: number, requires_activation: truth, amount_required: truth}]}}"#,
    ..SAID
};

const MEDIA: Said = Said {
    summary: "Tell where films and pictures lie that show how to pay, by payment system",
    told: r#"{status: "success", message: text, code: whole, data: any}"#,
    ..SAID
};

const CREATE: Said = Said {
    summary: "Give a label what it can pay to",
    body: "{currency: Currency, label: text}",
    told: r#"{status: "ok", params: any}"#,
    ..SAID
};

const CREATE_PAYMENT: Said = Said {
    summary: "Make a page to pay on, once for each custom_transaction_id",
    body: "{language: text, currency: Currency, bank: text, amount: MoneyIn, label: text,
        redirect_url: text, custom_transaction_id?: text|null}",
    told: r#"{status: "ok", params: {payment_url: text}}"#,
    ..SAID
};

const ACTIVATE: Said = Said {
    summary: "Activate a deposit, once for each transaction number",
    body: "{..DepositAsked, amount?: MoneyIn|null}",
    told: r#"{status: "ok"} | {status: "possible_transaction_created", message: text}"#,
    ..SAID
};

const ACTIVATE_BY_HAND: Said = Said {
    summary: "Hand a deposit to an operator, perhaps with a picture of its payment",
    body: "{..DepositAsked, amount: MoneyIn, screenshot?: any}",
    told: r#"{status: "success", message: text, code: whole, data: [any], paginate: Paginated}"#,
    ..SAID
};

const DEPOSIT_INFO: Said = Said {
    summary: "Tell what a label has saved up, and what of a credited deposit is missing",
    query: "{label: text, wallet_type: text, currency: Currency, code?: text}",
    told: r#"{status: "ok", stockpiling_sum: number, lacks_sum: number,
        minimum_deposit: number}"#,
    ..SAID
};

const SAVE_CUSTOM_ID: Said = Said {
    summary: "Leave a name for a label's next deposit",
    body: "{label: text, transaction_custom_id: text}",
    told: r#"{status: "ok"}"#,
    ..SAID
};

const HASH_URLS: Said = Said {
    summary: "Hash addresses, so that payers see hashes in their stead",
    body: "{success_urls: [AddressIn], fail_urls: [AddressIn], pending_urls?: [AddressIn]}",
    told: r#"{status: "ok", urls: {success_url: [HashTold], fail_url: [HashTold],
        pending_url?: [HashTold]}}"#,
    ..SAID
};

const WITHDRAW: Said = Said {
    summary: "Ask for a withdrawal, once for each withdrawal_id; its signature proves the caller",
    proof: Proof::None,
    body: "WithdrawalAsked|OldWithdrawalAsked",
    told: r#"{status: "ok", params?: {withdrawal_id: text}}
        | {id: whole, wallet_type: text, wallet_recipient: text, wallet_sender: text, email: text,
           amount: number, status: whole, created_at: text, updated_at: text}"#,
    ..SAID
};

const POSTBACK: Said = Said {
    summary: "Look up what was told of a deposit or a withdrawal",
    query: r#"{type: "deposit"|"withdrawal", transaction_id?: text, custom_id?: text,
        withdrawal_id?: text}"#,
    told: r#"{status: "ok", postback: PostbackTold}"#,
    ..SAID
};

const PULL_POSTBACKS: Said = Said {
    summary: "Look up what was told of up to 100 deposits or withdrawals",
    query: r#"{type: "deposit"|"withdrawal", plugin_custom_order_id?: [text],
        withdrawal_id?: [text]}"#,
    told: r#"{status: "success", message: text, code: whole, data:
        {transactions: [{plugin_custom_order_id: text, postback?: PostbackTold, message?: text}]}
        | {withdrawals: [{withdrawal_id: text, postback?: PostbackTold, message?: text}]},
        paginate: Paginated}"#,
    ..SAID
};

const BALANCES: Said = Said {
    summary: "Tell what the merchant's accounts hold",
    told: r#"{status: "success", message: text, code: whole, data: {balances:
        [{wallet_type: text, currency_code: Currency, amount: number}]}}"#,
    others: &[(
        400,
        "Wrong secret",
        JSON,
        r#"{status: "error", code: whole,
        errors: {target: text, code: whole, message: text}, error_message: text}"#,
    )],
    ..SAID
};

//! The Partner API's calls (partner-api.md).

use super::{Answer, Call, JSON, Proof};
use crate::http::partner::{ENDPOINTS, Endpoint};

/// What is said of a call beside its method and path.
struct Said {
    summary: &'static str,
    /// What the path names at its end, if it does.
    named: &'static str,
    proof: Proof,
    headers: &'static str,
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
    named: "",
    proof: Proof::Partner,
    headers: "",
    query: "",
    body: "",
    told: "",
    others: &[],
};

const INVALID: Answer = (422, "Fields that fail, all at once", JSON, "Invalid");

/// All calls below `prefix`.
pub(super) fn calls(prefix: &str) -> Vec<Call> {
    let of = |(endpoint, method, path): &(Endpoint, hyper::Method, &str)| {
        let said = said(*endpoint);
        let end = match said.named {
            "" => String::new(),
            named => format!("{{{named}}}"),
        };
        let is_read = *method == hyper::Method::GET;
        let mut answers: Vec<Answer> = vec![
            (200, "Done", JSON, said.told),
            (0, "Not done", JSON, "Refused"),
        ];
        answers.extend(said.others);
        Call {
            id: format!("{endpoint:?}By{method}"),
            method: method.clone(),
            path: format!("{prefix}{path}{end}"),
            summary: said.summary,
            proof: said.proof,
            headers: said.headers,
            query: if is_read { said.query } else { "" },
            body: (!is_read && !said.body.is_empty()).then_some((JSON, said.body)),
            answers,
        }
    };
    ENDPOINTS.iter().map(of).collect()
}

fn said(endpoint: Endpoint) -> Said {
    match endpoint {
        Endpoint::Register => REGISTER,
        Endpoint::GenerateUrl => GENERATE_URL,
        Endpoint::Balance => BALANCE,
        Endpoint::Deposit => DEPOSIT,
        Endpoint::Withdraw => WITHDRAW,
        Endpoint::Transaction => TRANSACTION,
        Endpoint::History => HISTORY,
        Endpoint::CreateOrder => CREATE_ORDER,
        Endpoint::OrderStatus => ORDER_STATUS,
        Endpoint::CancelOrder => CANCEL_ORDER,
    }
}

const REGISTER: Said = Said {
    summary: "Register a user, with a wallet in the partner's currency",
    body: "{name: text, email: text, mobile: MobileIn}",
    told: r#"{success: true, message: text, data: {id: whole, name: text, email: text,
        mobile: text, registered_by_partner: text}}"#,
    others: &[
        INVALID,
        (409, "The partner has this number", JSON, "Refused"),
    ],
    ..SAID
};

const GENERATE_URL: Said = Said {
    summary: "Make a one-time link into a game for a user",
    headers: "{X_Game_Type?: text}",
    body: "{mobile?: MobileIn, mboile?: MobileIn, username?: MobileIn}",
    told: "{success: true, message: text, authUrl: text, redirectTo: text}",
    others: &[INVALID],
    ..SAID
};

const BALANCE: Said = Said {
    summary: "Read a user's balance",
    named: "mobile",
    told: "{success: true, data: {mobile: text, balance: number}}",
    others: &[INVALID],
    ..SAID
};

const DEPOSIT: Said = Said {
    summary: "Put money into a user's wallet, once for each transaction_id",
    body: "{mobile: MobileIn, amount: MoneyIn, transaction_id: IdIn}",
    told: r#"{success: true, message: text, data: {mobile: text, new_balance: number,
        transaction_id: text, deposited_amount: number, timestamp: Time}}"#,
    others: &[INVALID],
    ..SAID
};

const WITHDRAW: Said = Said {
    summary: "Take money out of a user's wallet, once for each transaction_id",
    body: "{mobile: MobileIn, amount: MoneyIn, transaction_id: IdIn}",
    told: r#"{success: true, message: text, data: {mobile: text, new_balance: number,
        transaction_id: text, withdrawn_amount: number, timestamp: Time}}"#,
    others: &[
        INVALID,
        (
            400,
            "Too little money, or malformed JSON, which has no data",
            JSON,
            "{..Refused, data?: {current_balance: number, requested_amount: number}}",
        ),
    ],
    ..SAID
};

const TRANSACTION: Said = Said {
    summary: "Tell whether and how a deposit or withdrawal was applied",
    named: "transaction_id",
    told: "{success: true, data: Transfer}",
    others: &[INVALID],
    ..SAID
};

const HISTORY: Said = Said {
    summary: "List what moved a user's wallet, newest first",
    named: "mobile",
    query: "{cursor?: whole, limit?: whole}",
    told: r#"{success: true, data: {mobile: text, items: [{seq: whole,
        type: "bet"|"win"|"cancel"|"deposit"|"withdrawal"|"payment"|"hold"|"release"|"adjustment",
        amount: number, balance_after: number, reference: text|null, timestamp: Time}],
        next: whole|null}}"#,
    others: &[INVALID],
    ..SAID
};

const CREATE_ORDER: Said = Said {
    summary: "Make a payment link, or find the equal one made before",
    proof: Proof::None,
    body: r#"{token: text, orderId: IdIn, txnAmount: MoneyIn, txnNote?: text,
        cust_Mobile?: MobileIn, cust_Email?: text}"#,
    told: r#"{success: true, message: text,
        data: {paymentUrl: text, orderId: text, txn_ref_id: text}}"#,
    others: &[INVALID],
    ..SAID
};

const ORDER_STATUS: Said = Said {
    summary: "Tell what has become of a payment link",
    proof: Proof::None,
    query: "{token?: text, orderId?: text}",
    body: "{token: text, orderId: IdIn}",
    told: "{success: true, message: text, data: OrderStatus}",
    others: &[INVALID],
    ..SAID
};

const CANCEL_ORDER: Said = Said {
    summary: "Take a payment link back",
    proof: Proof::None,
    body: "{token: text, orderId: IdIn}",
    told: "{success: true, message: text, data: OrderStatus}",
    others: &[INVALID],
    ..SAID
};

//! What else is asked, and where each route leads (wallet-api.md; partner-api.md; operations.md,
//! Admin address).

use hyper::Method;

use super::{Answer, Call, FORM, HTML, JSON, Proof, TEXT, admin, gateway, partner};
use crate::http::route::Route;

/// The calls of a route at `path`, which ends in a slash where more follows.
pub(super) fn calls(path: &str, route: Route<'_>) -> Vec<Call> {
    match route {
        Route::Wallet(_) => vec![wallet(path)],
        Route::Partner(_) => partner::calls(path),
        Route::Link(_) => pages(
            &format!("{path}{{token}}"),
            "AuthLink",
            "Follow a one-time link into a game; the first GET uses it up, HEAD does not",
            &LINK,
        ),
        Route::Gateway => gateway::calls(path),
        Route::Hashed(_) => pages(
            &format!("{path}{{hash}}"),
            "HashedAddress",
            "Follow an address that a merchant has hashed",
            &HASHED,
        ),
        Route::Page(_) => order_page(path),
        Route::Hosted(_) => hosted_page(path),
        Route::Admin => admin::calls(),
        Route::Alive => pages(
            path,
            "Health",
            "Whether the process answers",
            &[(200, "It does", JSON, "{alive: true}")],
        ),
        Route::Ready => pages(
            path,
            "Readiness",
            "Whether entries are taken",
            &[
                (
                    200,
                    "They are",
                    JSON,
                    r#"{ready: true, space?: "low", integrity?: "damaged"}"#,
                ),
                (503, "They are not", JSON, "{ready: false, reason: text}"),
            ],
        ),
        Route::Metrics => metrics(path),
        Route::OpenApi => pages(
            path,
            "Description",
            "This description",
            &[(200, "OpenAPI 3.1", JSON, "any")],
        ),
        // Only the demo has a game, and nobody writes a client for it.
        Route::Game(_) | Route::Unknown => Vec::new(),
    }
}

fn call(
    method: Method,
    path: String,
    id: &str,
    summary: &'static str,
    answers: Vec<Answer>,
) -> Call {
    Call {
        id: id.to_owned(),
        method,
        path,
        summary,
        proof: Proof::None,
        headers: "",
        query: "",
        body: None,
        answers,
    }
}

/// What a one-time link answers.
const LINK: [Answer; 5] = [
    (200, "To HEAD: a link may be here", "", ""),
    (302, "To the game", TEXT, ""),
    (403, "The user is blocked", TEXT, ""),
    (410, "Used, expired or unknown", TEXT, ""),
    (503, "Nothing was touched", TEXT, ""),
];

/// What a hashed address answers.
const HASHED: [Answer; 3] = [
    (302, "To the address", JSON, ""),
    (404, "Unknown", JSON, "GatewayRefused"),
    (410, "Expired", JSON, "GatewayRefused"),
];

fn wallet(path: &str) -> Call {
    let answers = vec![
        (
            200,
            "Done, or refused by the rules",
            JSON,
            "WalletDone|WalletRefused",
        ),
        (
            0,
            "Not taken; with 503 nothing was touched",
            JSON,
            "WalletRefused",
        ),
    ];
    let path = format!("{path}{{wallet_token}}");
    let summary = "The Wallet URL: read a balance, bet, win, cancel";
    Call {
        body: Some((JSON, "WalletRequest")),
        ..call(Method::POST, path, "Wallet", summary, answers)
    }
}

fn metrics(path: &str) -> Vec<Call> {
    let answers = [
        (200, "Prometheus text", TEXT, ""),
        (0, "Not done", JSON, "Fault"),
    ];
    let mut calls = pages(path, "Metrics", "What was counted and measured", &answers);
    for call in &mut calls {
        call.proof = Proof::Admin;
    }
    calls
}

/// What is read: by GET, and by HEAD, which is told the same without a body.
fn pages(path: &str, id: &str, summary: &'static str, answers: &[Answer]) -> Vec<Call> {
    let by = |method: Method| {
        let id = format!("{id}By{method}");
        call(method, path.to_owned(), &id, summary, answers.to_vec())
    };
    vec![by(Method::GET), by(Method::HEAD)]
}

/// What pages of payments answer besides what they are asked for.
const NO_PAGE: [Answer; 3] = [
    (404, "There is no such payment", HTML, ""),
    (410, "The partner is disabled or expired", HTML, ""),
    (503, "Nothing was changed", HTML, ""),
];

/// The hosted page of a payment link, under its two addresses.
fn order_page(path: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    for (at, id, query) in [
        ("{txn_ref_id}", "OrderPage", ""),
        ("CreateOrder.php", "OrderPageOfQuery", "{txn_id: text}"),
    ] {
        let at = format!("{path}{at}");
        let asked = (
            "Name the bank's reference (UTR), or correct it",
            "{utr: text}",
        );
        let refused = "No UTR, or none can be named any more: the page, with what is wrong";
        for mut call in payment_page(&at, id, asked, refused) {
            call.query = query;
            calls.push(call);
        }
    }
    calls
}

/// The page that a merchant's payer pays a deposit on.
fn hosted_page(path: &str) -> Vec<Call> {
    let at = format!("{path}{{reference}}");
    let asked = ("Name the transaction number", "{key1: text}");
    let refused =
        "No number of the payment system, or another payment's: the page, with what is wrong";
    payment_page(&at, "PaymentPage", asked, refused)
}

/// The page of a payment: shown, and told by a form that it is paid.
fn payment_page(
    at: &str,
    id: &str,
    (summary, form): (&'static str, &'static str),
    refused: &'static str,
) -> Vec<Call> {
    let mut shown = vec![(200, "The payment as it stands", HTML, "")];
    shown.extend(NO_PAGE);
    let mut calls = pages(at, id, "The page of a payment, for its payer", &shown);
    let mut told = vec![
        (303, "Taken: back to the page", "", ""),
        (413, "The form is too long", HTML, ""),
        (422, refused, HTML, ""),
    ];
    told.extend(NO_PAGE);
    calls.push(Call {
        body: Some((FORM, form)),
        ..call(
            Method::POST,
            at.to_owned(),
            &format!("{id}ByPOST"),
            summary,
            told,
        )
    });
    calls
}

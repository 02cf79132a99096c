//! The page of a payment that somebody is asked for: what, by whom, how to pay, the field for the
//! bank's reference, and the outcome (partner-api.md, Payment Gateway).

use maud::{Markup, html};

use super::{Sheet, qr};
use crate::money::{Amount, Currency};
use crate::time::Span;

/// Seconds after which a page that waits for the bank looks again where scripts do not run. Where
/// the payer may be typing it does not before time is up.
const RELOAD_SECONDS: u64 = 5;

/// What a payer sees of one payment.
#[derive(Clone, Copy)]
pub struct Payment<'a> {
    /// Who asks for it.
    pub payee: &'a str,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What it is for.
    pub note: Option<&'a str>,
    /// What payer and payee call it, and the last piece of the page's path: letters, digits, `_`.
    pub reference: &'a str,
    /// How it is paid; `None` where the two arrange that themselves.
    pub transfer: Option<Transfer<'a>>,
    /// How far it has come.
    pub stage: Stage<'a>,
}

/// A payment by UPI.
#[derive(Clone, Copy)]
pub struct Transfer<'a> {
    /// Whom to pay, for those who type.
    pub address: &'a str,
    /// What opens an app that pays, and what the QR code says.
    pub link: &'a str,
}

/// How far a payment has come.
#[derive(Clone, Copy)]
pub enum Stage<'a> {
    /// Nobody has said that it is paid.
    Open {
        /// Until it expires.
        left: Span,
        /// The field for the bank's reference.
        entry: Entry<'a>,
    },
    /// The payer has named the bank's reference, and nobody has confirmed it.
    Sent {
        /// The reference.
        utr: &'a str,
        /// Until it expires.
        left: Span,
        /// Whether another one can be named.
        may_correct: bool,
        /// The field for another one, where the payer asks for it.
        entry: Option<Entry<'a>>,
    },
    /// It is paid.
    Paid {
        /// The bank's reference, where there is one.
        utr: Option<&'a str>,
    },
    /// The payee's operator has said no.
    Rejected,
    /// It waited too long.
    Expired {
        /// What the payer had named as the bank's reference.
        utr: Option<&'a str>,
    },
    /// The payee has taken it back.
    Cancelled,
}

/// The field for the bank's reference.
#[derive(Clone, Copy, Default)]
pub struct Entry<'a> {
    /// What stands in it.
    pub typed: &'a str,
    /// What is wrong with that.
    pub fault: Option<&'a str>,
}

/// The page of a payment.
pub fn payment(page: &Payment<'_>) -> Vec<u8> {
    let (title, reload_seconds) = match page.stage {
        Stage::Open { left, .. } => (format!("Pay {}", page.payee), Some(seconds(left) + 1)),
        Stage::Sent { left, entry, .. } => {
            let until_over = seconds(left) + 1;
            let soon = until_over.min(RELOAD_SECONDS);
            let reload = if entry.is_some() { until_over } else { soon };
            ("Waiting for confirmation".to_owned(), Some(reload))
        }
        Stage::Paid { .. } => (format!("Paid: {}", page.payee), None),
        Stage::Rejected => ("Payment not accepted".to_owned(), None),
        Stage::Expired { .. } => ("Payment link expired".to_owned(), None),
        Stage::Cancelled => ("Payment cancelled".to_owned(), None),
    };
    let sheet = Sheet {
        title: &title,
        assets: "",
        reload_seconds,
        main: main(page),
    };
    sheet.bytes()
}

/// Whole seconds until the end, the last one counted in full.
fn seconds(left: Span) -> u64 {
    left.micros().div_ceil(1_000_000)
}

fn main(page: &Payment<'_>) -> Markup {
    // The script puts a new page in when this has changed, and leaves who is typing alone.
    let state = match page.stage {
        Stage::Open { .. } => "open".to_owned(),
        Stage::Sent { utr, .. } => format!("sent {utr}"),
        Stage::Paid { .. } => "paid".to_owned(),
        Stage::Rejected => "rejected".to_owned(),
        Stage::Expired { .. } => "expired".to_owned(),
        Stage::Cancelled => "cancelled".to_owned(),
    };
    html! {
        main.card data-state=(state) {
            header {
                p.to { "Payment to" }
                h1 { bdi { (page.payee) } }
                p.amount { (page.amount) " " span.currency { (page.currency) } }
                @if let Some(note) = page.note {
                    p.note { bdi { (note) } }
                }
            }
            div.stage { (stage(page)) }
            footer { "Reference " code { (page.reference) } }
        }
    }
}

fn stage(page: &Payment<'_>) -> Markup {
    match page.stage {
        Stage::Open { left, entry } => open(page, left, entry),
        Stage::Sent {
            utr,
            left,
            may_correct,
            entry,
        } => html! {
            (outcome("wait", "Waiting for confirmation", html! {
                "You named " code { (utr) } ". This page shows when the bank has confirmed the \
                 payment. Do not pay again."
            }))
            (countdown(left))
            @if let Some(entry) = entry {
                (form(page, entry, "Correct it"))
            } @else {
                p.links {
                    a href=(page.reference) { "Look again" }
                    @if may_correct {
                        a href=(format!("{}?correct", page.reference)) { "Correct the reference" }
                    }
                }
            }
            @if !may_correct {
                p.hint { "The reference cannot be corrected any more." }
            }
        },
        Stage::Paid { utr } => outcome(
            "good",
            "Paid",
            html! {
                "Thank you. " bdi { (page.payee) } " has your payment."
                @if let Some(utr) = utr { " Bank reference " code { (utr) } "." }
            },
        ),
        Stage::Rejected => outcome(
            "bad",
            "Payment not accepted",
            html! {
                "The payment was not found. Do not pay again: ask " bdi { (page.payee) }
                " and name the reference below."
            },
        ),
        Stage::Expired { utr } => outcome(
            "bad",
            "This link has expired",
            html! {
                "Do not pay any more. If you have paid already, tell " bdi { (page.payee) }
                " and name the reference below"
                @if let Some(utr) = utr { " and the bank's, " code { (utr) } }
                "."
            },
        ),
        Stage::Cancelled => outcome(
            "bad",
            "Cancelled",
            html! { "Nothing is to be paid. " bdi { (page.payee) } " has taken this payment back." },
        ),
    }
}

/// How to pay, and then the field.
fn open(page: &Payment<'_>, left: Span, entry: Entry<'_>) -> Markup {
    html! {
        (countdown(left))
        div.steps {
            section.pay aria-labelledby="pay" {
                h2 id="pay" { "1. Pay" }
                @if let Some(transfer) = page.transfer {
                    a.button href=(transfer.link) { "Pay with a UPI app" }
                    @if let Some(code) = qr::draw(transfer.link, "QR code of the UPI payment") {
                        (code)
                        p.hint { "Scan the code with a UPI app" }
                    }
                    p.address { span { "UPI ID" } " " code { (transfer.address) } }
                } @else {
                    p {
                        "Pay as arranged with " bdi { (page.payee) } ", and note the bank's \
                         reference."
                    }
                }
            }
            section.confirm aria-labelledby="confirm" {
                h2 id="confirm" { "2. Confirm" }
                (form(page, entry, "I have paid"))
            }
        }
    }
}

fn form(page: &Payment<'_>, entry: Entry<'_>, button: &str) -> Markup {
    let described = if entry.fault.is_some() {
        "fault hint"
    } else {
        "hint"
    };
    html! {
        form method="post" action=(page.reference) {
            label for="utr" { "Bank reference (UTR)" }
            input id="utr" name="utr" type="text" inputmode="numeric" autocomplete="off" required
                pattern="\\s*([0-9]\\s*){12}" title="12 digits" value=(entry.typed)
                aria-describedby=(described) aria-invalid=[entry.fault.map(|_| "true")];
            @if let Some(fault) = entry.fault {
                p.fault id="fault" role="alert" { (fault) }
            }
            p.hint id="hint" { "The 12 digits that your app shows after you have paid." }
            button.button type="submit" { (button) }
        }
    }
}

/// The time until the payment expires. Without scripts it stands still, and says so.
fn countdown(left: Span) -> Markup {
    let left = seconds(left);
    let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60);
    html! {
        p.left {
            "Time left "
            time role="timer" data-left=(left) datetime=(format!("PT{left}S")) {
                @if hours > 0 { (hours) ":" (format!("{minutes:02}")) } @else { (minutes) }
                ":" (format!("{seconds:02}"))
            }
        }
    }
}

/// What has come of it, or is awaited.
fn outcome(kind: &str, title: &str, text: Markup) -> Markup {
    let path = match kind {
        "good" => "M5 13l5 5 9-11",
        "wait" => "M12 6v6l4 3",
        _ => "M7 7l10 10M17 7L7 17",
    };
    html! {
        div.outcome.(kind) role="status" {
            svg viewBox="0 0 24 24" aria-hidden="true" {
                circle cx="12" cy="12" r="11" {}
                path d=(path) {}
            }
            h2 { (title) }
            p { (text) }
        }
    }
}

//! The page of a payment that somebody is asked for: what, by whom, how to pay, the field for the
//! number that the bank gave it, and the outcome (partner-api.md, Payment Gateway; paykassma-api.md,
//! Deposits).

use maud::{Markup, html};

use super::{Number, Sheet, qr};
use crate::money::{Amount, Currency};
use crate::time::Span;

/// Seconds after which a page that waits for the bank looks again where scripts do not run. Where
/// the payer may be typing it does not before time is up.
const RELOAD_SECONDS: u64 = 5;

/// Seconds after which a page leads the payer back that is paid.
const BACK_SECONDS: u64 = 5;

/// The same where there is something to be read first.
const BACK_AFTER_READING_SECONDS: u64 = 20;

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
    /// What it is paid to; `None` where that is the UPI payment's or arranged otherwise.
    pub requisites: Option<Requisites<'a>>,
    /// The UPI payment, where it is one.
    pub transfer: Option<Transfer<'a>>,
    /// What the payer names after having paid.
    pub number: Number,
    /// Where the payer is led in the end.
    pub back: Option<&'a str>,
    /// How far it has come.
    pub stage: Stage<'a>,
}

/// What a payment is paid to.
#[derive(Clone, Copy)]
pub struct Requisites<'a> {
    /// What payers call the payment system.
    pub system: &'a str,
    /// The bank that is paid through.
    pub bank: &'a str,
    /// What is paid to.
    pub identifier: &'a str,
    /// What else is said of it: what it is, and what it says.
    pub params: &'a [(&'a str, &'a str)],
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
        /// Until it expires; `None` where an operator decides.
        left: Option<Span>,
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
    /// It is paid, and too small to be credited by itself.
    Saved {
        /// The bank's reference.
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
            let until_over = left.map_or(RELOAD_SECONDS, |left| seconds(left) + 1);
            let soon = until_over.min(RELOAD_SECONDS);
            let reload = if entry.is_some() { until_over } else { soon };
            ("Waiting for confirmation".to_owned(), Some(reload))
        }
        Stage::Paid { .. } | Stage::Saved { .. } => (format!("Paid: {}", page.payee), None),
        Stage::Rejected => ("Payment not accepted".to_owned(), None),
        Stage::Expired { .. } => ("Payment link expired".to_owned(), None),
        Stage::Cancelled => ("Payment cancelled".to_owned(), None),
    };
    let sheet = Sheet {
        title: &title,
        assets: "",
        reload_seconds,
        leads: page.back.zip(back_seconds(page.stage)),
        main: main(page),
    };
    sheet.bytes()
}

/// After how many seconds the payer is led back; `None` while it is not over.
fn back_seconds(stage: Stage<'_>) -> Option<u64> {
    match stage {
        Stage::Open { .. } | Stage::Sent { .. } => None,
        Stage::Paid { .. } => Some(BACK_SECONDS),
        Stage::Saved { .. } | Stage::Rejected | Stage::Expired { .. } | Stage::Cancelled => {
            Some(BACK_AFTER_READING_SECONDS)
        }
    }
}

/// Whole seconds until the end, the last one counted in full.
fn seconds(left: Span) -> u64 {
    left.micros().div_ceil(1_000_000)
}

fn main(page: &Payment<'_>) -> Markup {
    // The script puts a new page in when this has changed, and leaves who is typing alone.
    let state = match page.stage {
        Stage::Open { .. } => "open".to_owned(),
        Stage::Sent { utr, left, .. } => {
            let by = if left.is_some() { "sent" } else { "looked at" };
            format!("{by} {utr}")
        }
        Stage::Paid { .. } => "paid".to_owned(),
        Stage::Saved { .. } => "saved".to_owned(),
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
            div.stage {
                (stage(page))
                (leads_back(page))
            }
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
        } => sent(page, (utr, left), may_correct, entry),
        Stage::Paid { utr } => outcome(
            "good",
            "Paid",
            html! {
                "Thank you. " bdi { (page.payee) } " has your payment."
                @if let Some(utr) = utr { " Bank reference " code { (utr) } "." }
            },
        ),
        Stage::Saved { utr } => outcome(
            "good",
            "Paid",
            html! {
                "Thank you. The amount is below what " bdi { (page.payee) } " credits at once: it is \
                 saved up, and credited together with your next payments."
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

/// What was named, and what is awaited.
fn sent(
    page: &Payment<'_>,
    (utr, left): (&str, Option<Span>),
    may_correct: bool,
    entry: Option<Entry<'_>>,
) -> Markup {
    html! {
        (outcome("wait", "Waiting for confirmation", html! {
            "You named " code { (utr) } ". This page shows when the bank has confirmed the \
             payment. Do not pay again."
        }))
        @match left {
            Some(left) => (countdown(left)),
            None => p.hint data-looked-at { "Somebody is looking at it. This may take longer." },
        }
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
        @if !may_correct && matches!(page.number, Number::Utr) {
            p.hint { "The reference cannot be corrected any more." }
        }
    }
}

/// The way back, which is gone by itself once it is over.
fn leads_back(page: &Payment<'_>) -> Markup {
    let Some(address) = page.back else {
        return Markup::default();
    };
    match (page.stage, back_seconds(page.stage)) {
        (_, Some(seconds)) => html! {
            p.links {
                a href=(address) data-back=(seconds) { "Back to " bdi { (page.payee) } }
            }
            p.hint { "You are led back in " (seconds) " seconds." }
        },
        (Stage::Sent { .. }, None) => html! {
            p.links { a href=(address) { "Back to " bdi { (page.payee) } } }
            p.hint { "You need not wait here." }
        },
        (_, None) => Markup::default(),
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
                    @if page.requisites.is_none() {
                        p.address { span { "UPI ID" } " " code { (transfer.address) } }
                    }
                }
                @if let Some(requisites) = page.requisites {
                    (pay_to(requisites))
                } @else if page.transfer.is_none() {
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

/// What to pay to, line by line.
fn pay_to(requisites: Requisites<'_>) -> Markup {
    html! {
        dl.requisites {
            dt { "Pay by" }
            dd { bdi { (requisites.system) } }
            dt { "Pay to" }
            dd { code { (requisites.identifier) } }
            @for (name, text) in requisites.params {
                dt { bdi { (name) } }
                dd { bdi { (text) } }
            }
            dt { "Bank" }
            dd { bdi { (requisites.bank) } }
        }
        p.hint { "Pay the whole amount at once, and note the number of the transaction." }
    }
}

fn form(page: &Payment<'_>, entry: Entry<'_>, button: &str) -> Markup {
    let described = if entry.fault.is_some() {
        "fault hint"
    } else {
        "hint"
    };
    let number = page.number;
    let field = number.field();
    html! {
        form method="post" action=(page.reference) {
            label for=(field) { (number.label()) }
            input id=(field) name=(field) type="text" inputmode=(number.input_mode())
                autocomplete="off" required pattern=[number.pattern()] title=(number.title())
                value=(entry.typed)
                aria-describedby=(described) aria-invalid=[entry.fault.map(|_| "true")];
            @if let Some(fault) = entry.fault {
                p.fault id="fault" role="alert" { (fault) }
            }
            p.hint id="hint" { (number.hint()) }
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

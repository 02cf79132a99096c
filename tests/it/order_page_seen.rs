//! The hosted page of a payment link as people see and use it: at a phone's width and a desk's, in
//! light and dark, with scripts and without.

use coffer::time::Span;
use serde_json::json;

use crate::browser::{Browser, LOOKS, Look};
use crate::desk::Desk;
use crate::order_page::open;

const UTR: &str = "418381111111";

fn address(desk: &Desk, order: &str) -> String {
    format!("http://{}/order/{order}", desk.server.public)
}

fn order(desk: &Desk, id: &str) -> String {
    desk.order_for(json!({
        "orderId": id, "txnAmount": "1499.00", "txnNote": "Two tickets, 24 December, row 7",
    }))
}

/// Types a reference into the page's field, which has nothing in it but what is selected there,
/// and sends it by the key.
fn send(browser: &mut Browser, utr: &str) {
    browser.evaluate("document.getElementById('utr').focus()");
    browser.evaluate("document.getElementById('utr').select()");
    browser.write(utr);
    browser.loads(|browser| browser.press("Enter", 13));
}

#[test]
fn a_payer_names_the_payment_and_sees_it_paid() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for look in LOOKS {
        let desk = open();
        let order = order(&desk, "A-1");
        browser.open(&address(&desk, &order), look);
        browser.look_over(&format!("open {look}"));
        let link = browser.evaluate("document.querySelector('a.button').href");
        let wanted =
            format!("upi://pay?pa=shop@bank&pn=Shop%20%26%20Co&am=1499.00&cu=INR&tr={order}");
        assert_eq!(link, wanted.as_str());
        send(&mut browser, UTR);
        assert!(browser.text().contains("Waiting for confirmation"));
        browser.look_over(&format!("waiting {look}"));
        desk.receive(UTR, "1499.00");
        browser.until_text("Thank you.");
        browser.look_over(&format!("paid {look}"));
        assert_eq!(browser.evaluate("document.title"), "Paid: Shop Ltd.");
    }
}

#[test]
fn an_open_page_tells_by_itself_that_its_time_is_over() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for look in LOOKS {
        let desk = open();
        let order = order(&desk, "A-1");
        browser.open(&address(&desk, &order), look);
        // The countdown runs on.
        browser.until_text("29:58");
        desk.server.clock.advance(Span::from_seconds(30 * 60));
        browser.until_text("This link has expired");
        browser.look_over(&format!("expired {look}"));
    }
}

#[test]
fn an_open_page_tells_by_itself_that_it_was_refused_or_taken_back() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for look in LOOKS {
        let desk = open();
        let (refused, cancelled) = (order(&desk, "A-1"), order(&desk, "A-2"));
        browser.open(&address(&desk, &refused), look);
        send(&mut browser, UTR);
        let no = json!({"id": refused, "reason": "no such payment"});
        assert_eq!(desk.admin("orders/reject", &no).0, 200);
        browser.until_text("Payment not accepted");
        browser.look_over(&format!("refused {look}"));
        browser.open(&address(&desk, &cancelled), look);
        assert_eq!(desk.cancel("A-2"), 200);
        browser.until_text("Nothing is to be paid");
        browser.look_over(&format!("cancelled {look}"));
    }
}

#[test]
fn who_types_is_not_disturbed_by_the_pages_looks() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let desk = open();
    let order = order(&desk, "A-1");
    browser.open(&address(&desk, &order), LOOKS[0]);
    browser.evaluate("document.getElementById('utr').focus()");
    browser.write("4183");
    // Two looks have come and gone.
    browser.evaluate(
        "new Promise((done) => {
            let looks = 0;
            new PerformanceObserver((list) => {
                looks += list.getEntries().length;
                if (looks >= 2) setTimeout(() => done(true));
            }).observe({ type: 'resource' });
        })",
    );
    let typed = browser.evaluate("document.activeElement.value");
    assert_eq!(typed, "4183");
}

#[test]
fn all_works_without_scripts() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for look in LOOKS.map(Look::without_scripts) {
        let desk = open();
        let order = order(&desk, "A-1");
        browser.open(&address(&desk, &order), look);
        // What the browser itself does not let pass it does not send: the server's word on it
        // comes when the browser is asked to let it pass.
        browser.evaluate("document.forms[0].noValidate = true");
        send(&mut browser, "41838111");
        browser.look_over(&format!("mistyped {look}"));
        assert!(browser.text().contains("has 12 digits"));
        send(&mut browser, "4183 8111 1119");
        assert!(browser.text().contains("418381111119"));
        browser.loads(|browser| {
            browser.evaluate("document.querySelector('.links a:last-child').click()");
        });
        browser.look_over(&format!("correcting {look}"));
        send(&mut browser, UTR);
        assert!(browser.text().contains(UTR));
        desk.receive(UTR, "1499.00");
        // The page looks again by itself, and sooner when it is told to.
        browser.loads(|browser| {
            if look.dark {
                browser.evaluate("document.querySelector('.links a').click()");
            }
        });
        assert!(browser.text().contains("Thank you."));
        browser.look_over(&format!("paid {look}"));
    }
}

#[test]
fn long_and_strange_texts_keep_to_their_places() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let desk = Desk::open();
    for (number, note) in [
        "W".repeat(255),
        "<b>\"&amp;' ".repeat(20),
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd} 123 \u{1f600}".repeat(20),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("A-{number}");
        let body = json!({"orderId": id, "txnAmount": "9999999999999.99", "txnNote": note});
        let order = desk.order_for(body);
        browser.open(&address(&desk, &order), LOOKS[number % 2]);
        browser.look_over(&format!("strange {number}"));
        assert!(browser.text().contains(note.trim_end()), "{note}");
    }
    browser.open(&address(&desk, "none"), LOOKS[0]);
    assert!(browser.text().contains("Not found"));
    browser.keep_picture("not found");
}

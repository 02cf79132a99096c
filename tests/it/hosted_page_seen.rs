//! The page that a merchant's payer pays on, as people see and use it: at a phone's width and a
//! desk's, in light and dark, with scripts and without.

use std::io::{Read, Write};
use std::net::TcpListener;

use coffer::config::Paykassma;
use coffer::engine::settings::PartnerSettings;
use coffer::time::Span;
use serde_json::json;

use crate::browser::{Browser, LOOKS, Look};
use crate::desk::Desk;
use crate::hosted::wanted;
use crate::payers::{Merchant, catalogue};
use crate::support::Setup;

/// A shop's own page, to which payers are led back.
struct Shop(String);

impl Shop {
    fn open() -> Shop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!(
            "http://{}/back?order=17&x=1",
            listener.local_addr().unwrap()
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut asked = [0; 4096];
                let read = stream.read(&mut asked).unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
                let title = match asked.to_lowercase().contains("referer") {
                    true => "It knows where the payer was",
                    false => "Back at the shop",
                };
                let page = format!("<!doctype html><title>{title}</title><h1>{title}</h1>");
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
                // A browser that goes away hears nothing of it.
                let _gone = write!(stream, "{head}Content-Length: {}\r\n\r\n{page}", page.len());
            }
        });
        Shop(at)
    }
}

/// A merchant whose requisites are a UPI address, or an account's number.
fn merchant() -> Merchant {
    let mut offered = coffer::engine::catalogue::Catalogue::default();
    for system in catalogue().iter() {
        let mut system = system.clone();
        system.name = format!("{} transfer", system.wallet_type);
        system.params.insert(
            "Account name".to_owned(),
            coffer::engine::catalogue::Param::Text("Example Trading Ltd".to_owned()),
        );
        if system.wallet_type.as_str() == "upi" {
            system.requisites = vec!["payee@bank".to_owned()];
        }
        offered.add(system).unwrap();
    }
    let setup = Setup {
        paykassma: Paykassma {
            catalogue: offered,
            ..Paykassma::default()
        },
        ..Setup::default()
    };
    let desk = Desk::under(PartnerSettings::default(), setup);
    Merchant { desk }
}

fn address(merchant: &Merchant, system: &str, id: &str, shop: &Shop) -> String {
    let body = wanted(id, json!({ "redirect_url": shop.0, "amount": "1499.00" }));
    let path = merchant.page_of(system, &body);
    format!("http://{}{path}", merchant.desk.server.public)
}

/// Types a number into the page's field and sends it by the key.
fn send(browser: &mut Browser, key1: &str) {
    browser.evaluate("document.getElementById('key1').focus()");
    browser.evaluate("document.getElementById('key1').select()");
    browser.write(key1);
    browser.loads(|browser| browser.press("Enter", 13));
}

#[test]
fn a_payer_names_the_payment_sees_it_paid_and_is_led_back() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let shop = Shop::open();
    for look in LOOKS {
        let merchant = merchant();
        browser.open(&address(&merchant, "paytm", "c-1", &shop), look);
        browser.look_over(&format!("hosted open {look}"));
        assert!(browser.text().contains("paytm-1"));
        send(&mut browser, "KEY-1");
        assert!(browser.text().contains("Waiting for confirmation"));
        browser.look_over(&format!("hosted waiting {look}"));
        // The script puts the outcome in, and leads back as the page itself would.
        browser.loads(|browser| {
            merchant.receive("paytm", "KEY-1", "1499.00");
            browser.until_text("Thank you.");
            browser.look_over(&format!("hosted paid {look}"));
        });
        assert_eq!(browser.evaluate("document.title"), "Back at the shop");
        assert_eq!(browser.evaluate("location.href"), shop.0.as_str());
    }
}

#[test]
fn a_upi_address_has_its_code_and_what_is_looked_at_is_told_by_the_page_itself() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let shop = Shop::open();
    for look in [LOOKS[0], LOOKS[3]] {
        let merchant = merchant();
        browser.open(&address(&merchant, "upi", "c-1", &shop), look);
        browser.look_over(&format!("hosted upi {look}"));
        let link = browser.evaluate("document.querySelector('a.button').href");
        assert!(
            link.as_str()
                .unwrap()
                .starts_with("upi://pay?pa=payee@bank&pn=Shop%20Ltd.")
        );
        merchant.receive("upi", "KEY-1", "14.00");
        send(&mut browser, "KEY-1");
        assert!(browser.text().contains("Somebody is looking at it"));
        browser.look_over(&format!("hosted looked at {look}"));
        assert_eq!(merchant.decide("reject", "KEY-1").0, 200);
        browser.until_text("Payment not accepted");
        browser.look_over(&format!("hosted refused {look}"));
    }
}

#[test]
fn all_works_without_scripts() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let shop = Shop::open();
    for look in [LOOKS[0], LOOKS[3]].map(Look::without_scripts) {
        let merchant = merchant();
        browser.open(&address(&merchant, "paytm", "c-1", &shop), look);
        // What the browser itself does not let pass it does not send.
        browser.evaluate("document.forms[0].noValidate = true");
        send(&mut browser, "K");
        assert!(browser.text().contains("The number has 3 to 40 characters"));
        browser.look_over(&format!("hosted mistyped {look}"));
        merchant.receive("paytm", "KEY-1", "1499.00");
        browser.evaluate("document.forms[0].noValidate = true");
        send(&mut browser, "KEY-1");
        assert!(browser.text().contains("Thank you."));
        browser.look_over(&format!("hosted paid {look}"));
        // The page leads on by itself, and sooner when it is told to.
        browser.loads(|browser| {
            if look.dark {
                browser.evaluate("document.querySelector('[data-back]').click()");
            }
        });
        assert_eq!(browser.evaluate("document.title"), "Back at the shop");
    }
}

#[test]
fn an_open_page_tells_by_itself_that_its_time_is_over() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let shop = Shop::open();
    for look in LOOKS {
        let merchant = merchant();
        browser.open(&address(&merchant, "paytm", "c-1", &shop), look);
        browser.until_text("29:58");
        merchant
            .desk
            .server
            .clock
            .advance(Span::from_seconds(30 * 60));
        browser.until_text("This link has expired");
        browser.look_over(&format!("hosted expired {look}"));
    }
}

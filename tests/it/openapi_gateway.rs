//! Merchants' calls and their answers are of their description.

use serde_json::{Value, json};

use crate::desk::{Desk, SHOP};
use crate::openapi::{Reader, assert_described, deposit, operation, reader};
use crate::payers::{self, Merchant};
use crate::support::Answer;

#[test]
fn every_call_of_a_merchant_and_its_answer_are_of_their_description() {
    let mut reader = Reader {
        desk: Desk::offering(payers::catalogue()),
        ..reader()
    };
    let mut post = |path: &str, body: Value| {
        reader.ask(
            &format!("POST {}", Merchant::target(path)),
            "",
            &body.to_string(),
        )
    };
    post(
        "payment/save-transaction-custom-id",
        json!({"label": "56", "transaction_custom_id": "c-1"}),
    );
    post(
        "transaction/create/upi",
        json!({"currency": "INR", "label": "55"}),
    );
    let body = json!({
        "language": "en", "currency": "INR", "bank": "MBB", "amount": 100.5, "label": "57",
        "redirect_url": "https://shop.example.com/", "custom_transaction_id": "c-2",
    });
    post("payment/create/upi", body);
    // The first waits for its payment, the second finds it.
    post("transaction/activate", deposit("1234"));
    post(
        "payment-plugin/hash-url",
        json!({
            "success_urls": [{"order": 1, "url": "https://shop.example.com/"}], "fail_urls": [],
            "pending_urls": [],
        }),
    );
    reader
        .desk
        .receive_as("1235", "500.00", json!({"wallet_type": "upi"}));
    reader.ask(
        &format!("POST {}", Merchant::target("transaction/activate")),
        "",
        &deposit("1235").to_string(),
    );
    let mut reader = by_hand(reader);
    for path in [
        "payment-systems/available?currency_code=INR&label=55",
        "deposit-info?label=55&wallet_type=upi&currency=INR",
        "postback?type=deposit&custom_id=c-1235",
        "postback?type=deposit&transaction_id=1235",
        "pullpostbacks?type=deposit&plugin_custom_order_id=c-1235&plugin_custom_order_id=x",
        "accounts-balance",
    ] {
        reader.ask(&format!("GET {}", Merchant::target(path)), "", "");
    }
    reader.ask(
        &format!("GET /wallet-type/images?secret=gateway_secret_of_{SHOP}"),
        "",
        "",
    );
    assert_eq!(reader.left("/api/v1/"), [] as [String; 0]);
    assert_eq!(reader.left("/wallet-type/"), [] as [String; 0]);
}

/// What comes as a form.
fn by_hand(reader: Reader) -> Reader {
    let Reader {
        desk,
        document,
        mut done,
    } = reader;
    let merchant = Merchant { desk };
    for (path, id) in [
        ("possible-transaction/activate", "1236"),
        ("possible-transaction", "1237"),
    ] {
        let (status, told) = merchant.by_hand(path, id, "cash");
        let line = format!("POST {}", Merchant::target(path));
        let answer = Answer {
            status,
            head: String::new(),
            body: told.to_string(),
        };
        assert_described(&document, &line, "", &answer);
        let (_, operation) = operation(&document, "POST", &Merchant::target(path)).unwrap();
        let id = operation["operationId"].as_str().unwrap().to_owned();
        done.insert(id);
    }
    Reader {
        desk: merchant.desk,
        document,
        done,
    }
}

//! Samples of postbacks that an operator sends (operations.md, `postback test`): signed and sent as
//! all are, told what came back, and kept nowhere.

use coffer::engine::command::PartnerChange;
use coffer::engine::settings::SettingsChange;
use coffer::protocol::paykassma::sign::PostbackKeys;
use coffer::secret::Secret;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::desk::{Desk, SHOP};
use crate::process::{Process, run};
use crate::withdrawal_cli::{SORRY, receiver};

fn told_at(desk: &Desk, deposits: &str, withdrawals: &str) {
    let change = PartnerChange {
        settings: SettingsChange {
            deposit_postback_url: Some(deposits.parse().ok()),
            withdrawal_postback_url: Some(withdrawals.parse().ok()),
            ..SettingsChange::default()
        },
        ..PartnerChange::default()
    };
    let ledger = &desk.server.ledger;
    ledger.change_partner(desk.partner, change).unwrap();
}

fn test(desk: &Desk, kind: &str) -> (u16, Value) {
    let body = json!({ "partner": "p2", "type": kind });
    desk.admin("postbacks/test", &body)
}

#[derive(serde::Deserialize)]
struct Signed<'a> {
    #[serde(borrow)]
    additional_data: &'a RawValue,
    signature: String,
}

#[test]
fn a_sample_is_signed_and_sent_and_what_came_back_is_told_and_nothing_is_kept() {
    let desk = Desk::open();
    let (status, told) = test(&desk, "deposit");
    assert_eq!(
        (status, &told["error"]["code"]),
        (422, &json!("postback_url_missing"))
    );
    let ((yes, asked), (no, refused)) = (receiver(&[]), receiver(&[SORRY]));
    let (yes, no) = (format!("http://{yes}/told"), format!("http://{no}/told"));
    told_at(&desk, &yes, &no);
    let before = desk.server.ledger.vitals().last;
    let (status, told) = test(&desk, "deposit");
    assert_eq!(
        (status, &told["taken"], &told["status"]),
        (200, &json!(true), &json!(200))
    );
    assert_eq!(
        (&told["url"], &told["answer"]),
        (&json!(yes), &json!(r#"{"status":"ok"}"#))
    );
    let body = asked.recv().unwrap();
    assert_eq!(told["body"], body.as_str());
    let read: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&read["direction"], &read["amount"]),
        (&json!("ingoing"), &json!(1))
    );
    assert_eq!(
        (&read["label"], &read["currency_code"]),
        (&json!("test-postback"), &json!("INR"))
    );
    let data = &read["additional_data"][0];
    assert_eq!(data["plugin_custom_order_id"], "test-postback");
    let signed: Signed<'_> = serde_json::from_str(&body).unwrap();
    let keys = PostbackKeys {
        access_key: Secret::new(format!("access_key_of_{SHOP}")),
        private_key: Secret::new(format!("private_key_of_{SHOP}")),
    };
    let due = keys.sign(signed.additional_data.get().as_bytes());
    assert_eq!(signed.signature, due);

    let (status, told) = test(&desk, "withdrawal");
    assert_eq!(
        (status, &told["taken"], &told["status"]),
        (200, &json!(false), &json!(500))
    );
    assert_eq!(told["answer"], "sorry");
    let read: Value = serde_json::from_str(&refused.recv().unwrap()).unwrap();
    assert_eq!(read["direction"], "outgoing");
    assert_eq!(read["additional_data"][0]["withdrawal_id"], "test-postback");

    assert_eq!(desk.server.ledger.vitals().last, before);
    assert_eq!(desk.list("postbacks")["items"], json!([]));
    for (body, status) in [
        (json!({ "partner": "p9", "type": "deposit" }), 404),
        (json!({ "partner": "p2", "type": "else" }), 400),
        (json!({ "partner": "p2" }), 400),
    ] {
        assert_eq!(desk.admin("postbacks/test", &body).0, status, "{body}");
    }
}

#[test]
fn the_command_line_sends_samples_by_the_rules_that_all_are_sent_by() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let (at, asked) = receiver(&[]);
    let at = format!("http://{at}/told");
    let create = |server: &Process| {
        let created = [
            "partner",
            "create",
            "--name",
            "Shop",
            "--deposit-postback-url",
            &at,
        ];
        assert_eq!(server.ask(&created).json()["partner"], "p1");
    };
    let server = Process::serve(folder);
    create(&server);
    let test =
        |server: &Process, kind: &str| server.ask(&["postback", "test", "p1", "--type", kind]);
    // Nobody makes a server call its own network.
    let told = test(&server, "deposit").json();
    assert_eq!(
        (&told["taken"], &told["status"]),
        (&json!(false), &Value::Null)
    );
    let answer = told["answer"].as_str().unwrap();
    assert!(answer.contains("private addresses"), "{told}");
    let none = test(&server, "withdrawal");
    assert!(
        none.failed(1).contains("no withdrawal postback URL"),
        "{}",
        none.err
    );
    test(&server, "else").failed(2);
    assert!(server.end("TERM").success());
    let allowed = [("COFFER_POSTBACKS_ALLOW_PRIVATE_ADDRESSES", "true")];
    let server = Process::start(folder, &["serve"], &allowed);
    let told = test(&server, "deposit").json();
    assert_eq!(
        (&told["taken"], &told["body"]),
        (&json!(true), &json!(asked.recv().unwrap()))
    );
    assert!(server.end("TERM").success());
    let verified = run(folder, &["verify", "--json"], &[]).json();
    assert_eq!(verified["findings"], json!([]));
}

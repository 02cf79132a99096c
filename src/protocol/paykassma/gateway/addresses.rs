//! Addresses that a merchant has hashed, for pages to lead payers to (paykassma-api.md, Deposits).

use super::deposits::LIST_MAX;
use super::parameters::{Invalid, Reader, words};
use crate::id::WebAddress;
use crate::protocol::paykassma::value::{Members, Value};

/// `payment-plugin/hash-url`: addresses to be led to, each list in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Where a paid one leads.
    pub success: Vec<WebAddress>,
    /// Where a failed one leads.
    pub fail: Vec<WebAddress>,
    /// Where one leads that is waited for; `None` where nothing is said of them.
    pub pending: Option<Vec<WebAddress>>,
}

impl Addresses {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(members: &Members) -> Result<Addresses, Invalid> {
        let mut reader = Reader::new(members);
        let success = addresses(&mut reader, "success_urls");
        let fail = addresses(&mut reader, "fail_urls");
        let pending = addresses(&mut reader, "pending_urls");
        for (name, read) in [("success_urls", &success), ("fail_urls", &fail)] {
            if read.is_none() {
                reader.wrong(name, "field is required.");
            }
        }
        let (success, fail) = (success.unwrap_or_default(), fail.unwrap_or_default());
        if success.is_empty() && fail.is_empty() {
            let other = words("fail_urls");
            reader.wrong(
                "success_urls",
                format_args!("field is required when {other} is empty."),
            );
        }
        reader.end(Some(Addresses {
            success,
            fail,
            pending,
        }))
    }
}

/// The addresses of a list in their order; `None` where it is not given.
fn addresses(reader: &mut Reader<'_>, name: &'static str) -> Option<Vec<WebAddress>> {
    let items = match reader.given(name)? {
        Value::List(items) if items.len() <= LIST_MAX => items,
        _ => {
            reader.wrong(
                name,
                format_args!("must be an array of at most {LIST_MAX} items."),
            );
            return None;
        }
    };
    let mut read = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let Some((order, url)) = address_item(item) else {
            let field = format!("{name}.{place}");
            reader.wrong(&field, "must have an order and an http or https url.");
            continue;
        };
        read.push((order, url));
    }
    read.sort_by_key(|(order, _)| *order);
    Some(read.into_iter().map(|(_, url)| url).collect())
}

fn address_item(item: &Value) -> Option<(i64, WebAddress)> {
    let Value::Object(members) = item else {
        return None;
    };
    let member = |name: &str| {
        let found = members.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    };
    let order = match member("order")? {
        Value::Number(number) | Value::Text(number) => number.parse().ok()?,
        _ => return None,
    };
    let url = match member("url")? {
        Value::Text(text) => text.parse().ok()?,
        _ => return None,
    };
    Some((order, url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::paykassma::gateway::reply::Reply;
    use crate::protocol::paykassma::value;

    #[test]
    fn addresses_are_sorted_by_their_order_and_not_all_may_be_missing() {
        let read = |body: &str| {
            let members = value::decode(body.as_bytes()).unwrap();
            Addresses::decode(&members).map_err(|invalid| {
                let body = String::from_utf8(Reply::from(&invalid).body).unwrap();
                let message = body.strip_prefix(r#"{"status":"fail","message":"#).unwrap();
                message.strip_suffix('}').unwrap().to_owned()
            })
        };
        let sample = r#"{"success_urls":[{"order":2,"url":"https://test.com/success2.jpg"},{"order":1,"url":"https://test.com/success1.jpg"}],"fail_urls":[],"pending_urls":[{"order":4,"url":"https://test.com/pending2.jpg"},{"order":3,"url":"https://test.com/pending1.jpg"}]}"#;
        let urls = |names: &[&str]| -> Vec<WebAddress> {
            let url = |name: &&str| format!("https://test.com/{name}.jpg").parse().unwrap();
            names.iter().map(url).collect()
        };
        let due = Addresses {
            success: urls(&["success1", "success2"]),
            fail: Vec::new(),
            pending: Some(urls(&["pending1", "pending2"])),
        };
        assert_eq!(read(sample), Ok(due));
        for (body, due) in [
            (
                r#"{"success_urls":[],"fail_urls":[]}"#,
                r#"{"success_urls":["The success urls field is required when fail urls is empty."]}"#,
            ),
            (
                r#"{"success_urls":[{"order":1,"url":"ftp://a"}],"fail_urls":[{"url":"https://a.b"}]}"#,
                concat!(
                    r#"{"success_urls.0":["The success urls.0 must have an order and an http or https url."],"#,
                    r#""fail_urls.0":["The fail urls.0 must have an order and an http or https url."],"#,
                    r#""success_urls":["The success urls field is required when fail urls is empty."]}"#
                ),
            ),
            (
                r#"{"fail_urls":[{"order":1,"url":"https://a.b"}]}"#,
                r#"{"success_urls":["The success urls field is required."]}"#,
            ),
        ] {
            assert_eq!(read(body), Err(due.to_owned()), "{body}");
        }
    }
}

//! Every call of the Partner API, with its method and path: one table.

use hyper::Method;

use crate::protocol::percent;

/// What can be asked for (partner-api.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Registers a user.
    Register,
    /// Makes a link into a game.
    GenerateUrl,
    /// Reads a user's balance.
    Balance,
    /// Puts money into a user's wallet.
    Deposit,
    /// Takes money out of a user's wallet.
    Withdraw,
    /// Looks a deposit or withdrawal up.
    Transaction,
    /// Lists what moved a user's balance.
    History,
    /// Makes a payment link.
    CreateOrder,
    /// Tells what has become of an order.
    OrderStatus,
    /// Takes an order back.
    CancelOrder,
}

/// All calls: the path behind the prefix, with a parameter after it where it ends in a slash.
const ENDPOINTS: [(Endpoint, Method, &str); 11] = [
    (Endpoint::Register, Method::POST, "user/register"),
    (Endpoint::GenerateUrl, Method::POST, "auth/generate-url"),
    (Endpoint::Balance, Method::GET, "balance/"),
    (Endpoint::Deposit, Method::POST, "wallet/deposit"),
    (Endpoint::Withdraw, Method::POST, "wallet/withdraw"),
    (Endpoint::Transaction, Method::GET, "wallet/transaction/"),
    (Endpoint::History, Method::GET, "wallet/history/"),
    (Endpoint::CreateOrder, Method::POST, "payment_links"),
    (Endpoint::OrderStatus, Method::GET, "order/status"),
    (Endpoint::OrderStatus, Method::POST, "order/status"),
    (Endpoint::CancelOrder, Method::POST, "order/cancel"),
];

/// A call, as its method and path name it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Asked {
    pub(super) endpoint: Endpoint,
    /// What the path names, decoded; empty where a path names nothing.
    pub(super) parameter: String,
}

impl Asked {
    /// Whether who calls is proved by a token in the body, and not by the head.
    pub(in crate::http) fn is_of_gateway(&self) -> bool {
        matches!(
            self.endpoint,
            Endpoint::CreateOrder | Endpoint::OrderStatus | Endpoint::CancelOrder
        )
    }
}

/// What a method and a path lead to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum Found {
    /// This call.
    Call(Asked),
    /// The path is right, the method is not; for `Allow`.
    OtherMethod(&'static str),
    /// Nothing lies at this path.
    Nothing,
}

/// Looks up what `method` and `path`, without its prefix, ask for.
pub(in crate::http) fn find(method: &Method, path: &str) -> Found {
    let mut found = Found::Nothing;
    for (endpoint, of_endpoint, at) in ENDPOINTS {
        let Some(parameter) = parameter(path, at) else {
            continue;
        };
        if of_endpoint == *method {
            return Found::Call(Asked {
                endpoint,
                parameter,
            });
        }
        found = Found::OtherMethod(match (found, of_endpoint == Method::GET) {
            (Found::OtherMethod(_), _) => "GET, POST",
            (_, true) => "GET",
            (_, false) => "POST",
        });
    }
    found
}

/// What `path` names where it is one of the paths `at`: one piece of a path, and a good one.
fn parameter(path: &str, at: &str) -> Option<String> {
    let rest = path.strip_prefix(at)?;
    let takes_one = at.ends_with('/');
    if rest.is_empty() == takes_one || rest.contains('/') {
        return None;
    }
    percent::decode(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_name_one_thing() {
        let balance = |mobile: &str| {
            Found::Call(Asked {
                endpoint: Endpoint::Balance,
                parameter: mobile.to_owned(),
            })
        };
        for (path, told) in [
            ("balance/1234567890", balance("1234567890")),
            ("balance/%2b1234567890", balance("+1234567890")),
            ("balance/a%2Fb", balance("a/b")),
            ("balance/", Found::Nothing),
            ("balance", Found::Nothing),
            ("balance/a/b", Found::Nothing),
            ("balance/a/", Found::Nothing),
            ("balance/%", Found::Nothing),
            ("user/registered", Found::Nothing),
            ("user/register/", Found::Nothing),
            ("", Found::Nothing),
        ] {
            assert_eq!(find(&Method::GET, path), told, "{path}");
        }
    }

    #[test]
    fn another_method_is_told_the_right_one() {
        let (get, post) = (Found::OtherMethod("GET"), Found::OtherMethod("POST"));
        assert_eq!(find(&Method::POST, "balance/1"), get);
        assert_eq!(find(&Method::HEAD, "balance/1"), get);
        assert_eq!(find(&Method::GET, "user/register"), post);
        let register = Asked {
            endpoint: Endpoint::Register,
            parameter: String::new(),
        };
        let found = find(&Method::POST, "user/register");
        assert_eq!(found, Found::Call(register));
    }
}

//! Every call of the gateway, with its method and path: one table.

use hyper::Method;

/// What can be asked for (paykassma-api.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Endpoint {
    /// Lists the payment systems of some currencies.
    Available,
    /// Tells where films and pictures lie that show how to pay.
    Media,
    /// Hashes addresses.
    HashUrls,
    /// Asks for a withdrawal; its body proves the caller.
    Withdraw,
    /// Looks a postback up.
    Postback,
    /// Looks many postbacks up.
    PullPostbacks,
    /// Tells what the merchant's accounts hold.
    Balances,
}

/// All calls.
pub(in crate::http) const ENDPOINTS: [(Endpoint, Method, &str); 7] = [
    (
        Endpoint::Available,
        Method::GET,
        "/api/v1/payment-systems/available",
    ),
    (Endpoint::Media, Method::GET, "/wallet-type/images"),
    (
        Endpoint::HashUrls,
        Method::POST,
        "/api/v1/payment-plugin/hash-url",
    ),
    (Endpoint::Withdraw, Method::POST, "/v2/withdrawal/create"),
    (Endpoint::Postback, Method::GET, "/api/v1/postback"),
    (
        Endpoint::PullPostbacks,
        Method::GET,
        "/api/v1/pullpostbacks",
    ),
    (Endpoint::Balances, Method::GET, "/api/v1/accounts-balance"),
];

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

/// A call, as its method and path name it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Asked {
    pub(super) endpoint: Endpoint,
}

impl Asked {
    /// Whether who calls is proved by the body, and not by the head.
    pub(in crate::http) fn is_signed(&self) -> bool {
        self.endpoint == Endpoint::Withdraw
    }
}

/// Looks up what `method` and `path` ask for. A slash at the end says nothing: the document has it
/// at one of the paths.
pub(in crate::http) fn find(method: &Method, path: &str) -> Found {
    let path = path.strip_suffix('/').unwrap_or(path);
    let known = ENDPOINTS.iter().find(|(_, _, at)| *at == path);
    match known {
        Some((endpoint, of_endpoint, _)) if of_endpoint == *method => Found::Call(Asked {
            endpoint: *endpoint,
        }),
        Some((_, of_endpoint, _)) if *of_endpoint == Method::GET => Found::OtherMethod("GET"),
        Some(_) => Found::OtherMethod("POST"),
        None => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_a_method_and_a_path_perhaps_with_a_slash_behind() {
        let call = |endpoint| Found::Call(Asked { endpoint });
        for (path, found) in [
            (
                "/api/v1/payment-systems/available",
                call(Endpoint::Available),
            ),
            ("/wallet-type/images/", call(Endpoint::Media)),
            ("/wallet-type/images", call(Endpoint::Media)),
            ("/wallet-type/images//", Found::Nothing),
            ("/wallet-type", Found::Nothing),
            ("/api/v1/", Found::Nothing),
        ] {
            assert_eq!(find(&Method::GET, path), found, "{path}");
        }
        let posted = find(&Method::POST, "/wallet-type/images/");
        assert_eq!(posted, Found::OtherMethod("GET"));
        let read = find(&Method::GET, "/v2/withdrawal/create");
        assert_eq!(read, Found::OtherMethod("POST"));
    }
}

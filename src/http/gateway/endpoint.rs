//! Every call of the gateway, with its method and path: one table.

use hyper::Method;

use crate::protocol::paykassma::gateway::form::{FIELDS_BYTES_MAX, SCREENSHOT_BYTES_MAX};

/// What can be asked for (paykassma-api.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Endpoint {
    /// Lists the payment systems of some currencies.
    Available,
    /// Gives requisites to pay to.
    Create,
    /// Makes a page to pay on.
    CreatePayment,
    /// Activates a deposit.
    Activate,
    /// Hands a deposit to an operator.
    ActivateByHand,
    /// What a label has saved up.
    DepositInfo,
    /// Leaves a name for a label's next deposit.
    SaveCustomId,
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

/// All calls. A `*` at the end stands for a payment system's name.
pub(in crate::http) const ENDPOINTS: [(Endpoint, Method, &str); 14] = [
    (
        Endpoint::Available,
        Method::GET,
        "/api/v1/payment-systems/available",
    ),
    (Endpoint::Media, Method::GET, "/wallet-type/images"),
    (
        Endpoint::Create,
        Method::POST,
        "/api/v1/transaction/create/*",
    ),
    (
        Endpoint::CreatePayment,
        Method::POST,
        "/api/v1/payment/create/*",
    ),
    (
        Endpoint::Activate,
        Method::POST,
        "/api/v1/transaction/activate",
    ),
    (
        Endpoint::ActivateByHand,
        Method::POST,
        "/api/v1/possible-transaction/activate",
    ),
    (
        Endpoint::ActivateByHand,
        Method::POST,
        "/api/v1/possible-transaction",
    ),
    (Endpoint::DepositInfo, Method::GET, "/api/v1/deposit-info"),
    (
        Endpoint::SaveCustomId,
        Method::POST,
        "/api/v1/payment/save-transaction-custom-id",
    ),
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
    /// The payment system that the path names, where it names one.
    pub(super) system: Option<String>,
}

impl Asked {
    /// How long its body may be, where `others` is how long most may be.
    pub(in crate::http) fn body_bytes_max(&self, others: usize) -> usize {
        match self.endpoint {
            Endpoint::ActivateByHand => SCREENSHOT_BYTES_MAX + FIELDS_BYTES_MAX,
            _ => others,
        }
    }

    /// Whether who calls is proved by the body, and not by the head.
    pub(in crate::http) fn is_signed(&self) -> bool {
        self.endpoint == Endpoint::Withdraw
    }
}

/// Looks up what `method` and `path` ask for. A slash at the end says nothing: the document has it
/// at one of the paths.
pub(in crate::http) fn find(method: &Method, path: &str) -> Found {
    let path = path.strip_suffix('/').unwrap_or(path);
    let named = |at: &str| {
        let name = path.strip_prefix(at.strip_suffix('*')?)?;
        (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
    };
    let mut endpoints = ENDPOINTS.iter();
    let known = endpoints.find(|(_, _, at)| *at == path || named(at).is_some());
    match known {
        Some((endpoint, of_endpoint, at)) if of_endpoint == *method => Found::Call(Asked {
            endpoint: *endpoint,
            system: named(at),
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
        let call = |endpoint| {
            let system = None;
            Found::Call(Asked { endpoint, system })
        };
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
        let create = |path| match find(&Method::POST, path) {
            Found::Call(Asked { endpoint, system }) => Some((endpoint, system)),
            _ => None,
        };
        let paytm = Some((Endpoint::Create, Some("paytm".to_owned())));
        assert_eq!(create("/api/v1/transaction/create/paytm"), paytm);
        assert_eq!(create("/api/v1/transaction/create/paytm/"), paytm);
        assert_eq!(create("/api/v1/transaction/create/"), None);
        assert_eq!(create("/api/v1/transaction/create/a/b"), None);
        let posted = find(&Method::POST, "/wallet-type/images/");
        assert_eq!(posted, Found::OtherMethod("GET"));
        let read = find(&Method::GET, "/v2/withdrawal/create");
        assert_eq!(read, Found::OtherMethod("POST"));
    }
}

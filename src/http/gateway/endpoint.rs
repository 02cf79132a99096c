//! Every call of the gateway that needs a secret, with its method and path: one table.

use hyper::Method;

use crate::protocol::paykassma::gateway::form::{FIELDS_BYTES_MAX, SCREENSHOT_BYTES_MAX};

/// What can be asked for (paykassma-api.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Lists the payment systems of some currencies.
    Available,
    /// Gives requisites to pay to.
    Create,
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
}

/// All calls: the path behind `/api/v1/`, or all of it where it does not begin so. A `*` at the end
/// stands for a payment system's name.
const ENDPOINTS: [(Endpoint, Method, &str); 8] = [
    (
        Endpoint::Available,
        Method::GET,
        "payment-systems/available",
    ),
    (Endpoint::Media, Method::GET, "wallet-type/images"),
    (Endpoint::Create, Method::POST, "transaction/create/*"),
    (Endpoint::Activate, Method::POST, "transaction/activate"),
    (
        Endpoint::ActivateByHand,
        Method::POST,
        "possible-transaction/activate",
    ),
    (
        Endpoint::ActivateByHand,
        Method::POST,
        "possible-transaction",
    ),
    (Endpoint::DepositInfo, Method::GET, "deposit-info"),
    (
        Endpoint::SaveCustomId,
        Method::POST,
        "payment/save-transaction-custom-id",
    ),
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
            ("payment-systems/available", call(Endpoint::Available)),
            ("wallet-type/images/", call(Endpoint::Media)),
            ("wallet-type/images", call(Endpoint::Media)),
            ("wallet-type/images//", Found::Nothing),
            ("wallet-type", Found::Nothing),
            ("", Found::Nothing),
        ] {
            assert_eq!(find(&Method::GET, path), found, "{path}");
        }
        let create = |path| match find(&Method::POST, path) {
            Found::Call(Asked { endpoint, system }) => Some((endpoint, system)),
            _ => None,
        };
        let paytm = Some((Endpoint::Create, Some("paytm".to_owned())));
        assert_eq!(create("transaction/create/paytm"), paytm);
        assert_eq!(create("transaction/create/paytm/"), paytm);
        assert_eq!(create("transaction/create/"), None);
        assert_eq!(create("transaction/create/a/b"), None);
        let posted = find(&Method::POST, "wallet-type/images/");
        assert_eq!(posted, Found::OtherMethod("GET"));
    }
}

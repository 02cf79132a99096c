//! All routes: a path becomes what answers it, and nothing else is in this file.
//!
//! Paths are taken as sent, without decoding: none of ours needs an escape. The query is no part
//! of a path.

/// Which address a connection came in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Where game servers call.
    Public,
    /// Where operators call.
    Admin,
}

/// What answers a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The Wallet URL of a token, which may be nobody's.
    Wallet(&'a str),
    /// The Partner API: what follows its prefix.
    Partner(&'a str),
    /// The gateway.
    Gateway,
    /// An address that a merchant has hashed: its hash.
    Hashed(&'a str),
    /// A one-time link into a game: its token.
    Link(&'a str),
    /// The hosted page of a payment link: its name, or that of what such pages load.
    Page(&'a str),
    /// The page that a merchant's payer pays on: its name, or that of what such pages load.
    Hosted(&'a str),
    /// A game that people play in the browser: its name.
    Game(&'a str),
    /// The admin API.
    Admin,
    /// Whether the process answers.
    Alive,
    /// Whether the ledger takes entries.
    Ready,
    /// What was counted and measured.
    Metrics,
    /// The description of all this.
    OpenApi,
    /// Nobody.
    Unknown,
}

/// Where a path leads, by what follows it.
type Leads = for<'a> fn(&'a str) -> Route<'a>;

/// All paths: the address that knows it, or both; the path, with more behind it where it ends in a
/// slash; where it leads. The Partner API has two, since its document's base URL may end in `/api`
/// (partner-api.md).
const KNOWN: [(Option<Side>, &str, Leads); 16] = [
    (Some(Side::Public), "/wallet/", |token| Route::Wallet(token)),
    (Some(Side::Public), "/v2/partner/", |call| {
        Route::Partner(call)
    }),
    (Some(Side::Public), "/api/v2/partner/", |call| {
        Route::Partner(call)
    }),
    (Some(Side::Public), "/auth/token/", |token| {
        Route::Link(token)
    }),
    (Some(Side::Public), "/api/v1/", |_| Route::Gateway),
    (Some(Side::Public), "/wallet-type/", |_| Route::Gateway),
    (Some(Side::Public), "/v2/withdrawal/", |_| Route::Gateway),
    (Some(Side::Public), "/redirect/", |hash| Route::Hashed(hash)),
    (Some(Side::Public), "/order/", |name| Route::Page(name)),
    (Some(Side::Public), "/payment/", |name| Route::Hosted(name)),
    (Some(Side::Public), "/v3/game/", |name| Route::Game(name)),
    (Some(Side::Admin), "/admin/v1/", |_| Route::Admin),
    (Some(Side::Admin), "/metrics", |_| Route::Metrics),
    (None, "/openapi.json", |_| Route::OpenApi),
    (None, "/healthz", |_| Route::Alive),
    (None, "/readyz", |_| Route::Ready),
];

/// All paths, and where each leads with nothing behind it; the second prefix of the Partner API,
/// which leads nowhere else, left out.
pub(super) fn known() -> impl Iterator<Item = (Option<Side>, &'static str, Route<'static>)> {
    let known = KNOWN.iter().map(|&(side, at, leads)| (side, at, leads("")));
    known.filter(|(_, at, _)| *at != "/api/v2/partner/")
}

/// What answers `path`.
pub(super) fn route(side: Side, path: &str) -> Route<'_> {
    let of_side = |known: &Option<Side>| known.is_none_or(|known| known == side);
    for (known, at, leads) in KNOWN {
        let rest = match path.strip_prefix(at) {
            Some(rest) if of_side(&known) => rest,
            _ => continue,
        };
        if rest.is_empty() || at.ends_with('/') {
            return leads(rest);
        }
    }
    Route::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_own_paths() {
        for (path, public, admin) in [
            ("/healthz", Route::Alive, Route::Alive),
            ("/readyz", Route::Ready, Route::Ready),
            ("/wallet/abc", Route::Wallet("abc"), Route::Unknown),
            ("/wallet/abc/", Route::Wallet("abc/"), Route::Unknown),
            ("/wallet/", Route::Wallet(""), Route::Unknown),
            ("/wallet", Route::Unknown, Route::Unknown),
            ("/auth/token/abc", Route::Link("abc"), Route::Unknown),
            ("/order/abc", Route::Page("abc"), Route::Unknown),
            ("/order", Route::Unknown, Route::Unknown),
            ("/payment/abc", Route::Hosted("abc"), Route::Unknown),
            ("/payment", Route::Unknown, Route::Unknown),
            ("/v3/game/mine", Route::Game("mine"), Route::Unknown),
            ("/openapi.json", Route::OpenApi, Route::OpenApi),
            ("/openapi.json/", Route::Unknown, Route::Unknown),
            ("/v2/partner/a/b", Route::Partner("a/b"), Route::Unknown),
            ("/api/v2/partner/a", Route::Partner("a"), Route::Unknown),
            ("/api/v2/partner/", Route::Partner(""), Route::Unknown),
            ("/api/api/v2/partner/a", Route::Unknown, Route::Unknown),
            ("/v2/partner", Route::Unknown, Route::Unknown),
            ("/api/v1/partner/a", Route::Gateway, Route::Unknown),
            ("/api/v1/", Route::Gateway, Route::Unknown),
            ("/api/v1", Route::Unknown, Route::Unknown),
            ("/wallet-type/images/", Route::Gateway, Route::Unknown),
            ("/wallet-type", Route::Unknown, Route::Unknown),
            ("/v2/withdrawal/create", Route::Gateway, Route::Unknown),
            ("/redirect/abc", Route::Hashed("abc"), Route::Unknown),
            ("/redirect", Route::Unknown, Route::Unknown),
            ("/admin/v1/partners", Route::Unknown, Route::Admin),
            ("/admin/v1", Route::Unknown, Route::Unknown),
            ("/metrics", Route::Unknown, Route::Metrics),
            ("/healthz/", Route::Unknown, Route::Unknown),
            ("/", Route::Unknown, Route::Unknown),
            ("*", Route::Unknown, Route::Unknown),
            ("", Route::Unknown, Route::Unknown),
        ] {
            assert_eq!(route(Side::Public, path), public, "{path}");
            assert_eq!(route(Side::Admin, path), admin, "{path}");
        }
    }
}

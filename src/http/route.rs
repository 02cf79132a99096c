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
    /// The gateway: which call.
    Gateway(&'a str),
    /// A one-time link into a game: its token.
    Link(&'a str),
    /// The admin API.
    Admin,
    /// Whether the process answers.
    Alive,
    /// Whether the ledger takes entries.
    Ready,
    /// What was counted and measured.
    Metrics,
    /// Nobody.
    Unknown,
}

/// What answers `path`.
pub(super) fn route(side: Side, path: &str) -> Route<'_> {
    match (side, path) {
        (_, "/healthz") => Route::Alive,
        (_, "/readyz") => Route::Ready,
        (Side::Public, path) => match path.strip_prefix("/wallet/") {
            Some(token) => Route::Wallet(token),
            None => match path.strip_prefix("/auth/token/") {
                Some(token) => Route::Link(token),
                None => match gateway(path) {
                    Some(call) => Route::Gateway(call),
                    None => partner(path),
                },
            },
        },
        (Side::Admin, "/metrics") => Route::Metrics,
        (Side::Admin, path) if path.starts_with("/admin/v1/") => Route::Admin,
        (Side::Admin, _) => Route::Unknown,
    }
}

/// The gateway's paths, which the document gives several beginnings (paykassma-api.md).
fn gateway(path: &str) -> Option<&str> {
    path.strip_prefix("/api/v1/").or_else(|| {
        let call = path.strip_prefix('/')?;
        call.starts_with("wallet-type/").then_some(call)
    })
}

/// The Partner API has two prefixes, since its document's base URL may end in `/api`
/// (partner-api.md).
fn partner(path: &str) -> Route<'_> {
    let rest = path.strip_prefix("/api").unwrap_or(path);
    match rest.strip_prefix("/v2/partner/") {
        Some(call) => Route::Partner(call),
        None => Route::Unknown,
    }
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
            ("/v2/partner/a/b", Route::Partner("a/b"), Route::Unknown),
            ("/api/v2/partner/a", Route::Partner("a"), Route::Unknown),
            ("/api/v2/partner/", Route::Partner(""), Route::Unknown),
            ("/api/api/v2/partner/a", Route::Unknown, Route::Unknown),
            ("/v2/partner", Route::Unknown, Route::Unknown),
            (
                "/api/v1/partner/a",
                Route::Gateway("partner/a"),
                Route::Unknown,
            ),
            ("/api/v1/", Route::Gateway(""), Route::Unknown),
            ("/api/v1", Route::Unknown, Route::Unknown),
            (
                "/wallet-type/images/",
                Route::Gateway("wallet-type/images/"),
                Route::Unknown,
            ),
            ("/wallet-type", Route::Unknown, Route::Unknown),
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

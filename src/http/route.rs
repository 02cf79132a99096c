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
    /// A one-time link into a game: its token.
    Link(&'a str),
    /// The admin API.
    Admin,
    /// Whether the process answers.
    Alive,
    /// Whether the ledger takes entries.
    Ready,
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
                None => partner(path),
            },
        },
        (Side::Admin, path) if path.starts_with("/admin/v1/") => Route::Admin,
        (Side::Admin, _) => Route::Unknown,
    }
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
            ("/api/v1/partner/a", Route::Unknown, Route::Unknown),
            ("/admin/v1/partners", Route::Unknown, Route::Admin),
            ("/admin/v1", Route::Unknown, Route::Unknown),
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

//! What pages load besides: the style and the script, built in.

use std::sync::LazyLock;

/// A file that pages load. Its address bears what it holds, so that it may be kept for ever.
pub struct Asset {
    /// The last piece of its path.
    pub name: &'static str,
    /// `Content-Type`.
    pub kind: &'static str,
    /// What it holds.
    pub bytes: &'static [u8],
    version: LazyLock<String>,
}

pub(super) static STYLE: Asset = Asset {
    name: "page.css",
    kind: "text/css; charset=utf-8",
    bytes: include_bytes!("assets/page.css"),
    version: LazyLock::new(|| version(include_bytes!("assets/page.css"))),
};

pub(super) static SCRIPT: Asset = Asset {
    name: "page.js",
    kind: "text/javascript; charset=utf-8",
    bytes: include_bytes!("assets/page.js"),
    version: LazyLock::new(|| version(include_bytes!("assets/page.js"))),
};

/// The asset of that name.
pub fn asset(name: &str) -> Option<&'static Asset> {
    [&STYLE, &SCRIPT]
        .into_iter()
        .find(|asset| asset.name == name)
}

impl Asset {
    /// Its name, and what it holds in short.
    pub(super) fn address(&self) -> String {
        format!("{}?{}", self.name, *self.version)
    }
}

fn version(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..8].to_owned()
}

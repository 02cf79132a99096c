//! Addresses that merchants have hashed: the hash leads there for a time (paykassma-api.md,
//! `payment-plugin/hash-url`).

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::entry::{Actor, Record, RecordKind};
use super::gateway::{GatewayDocument, GatewayKey, Kept};
use crate::id::{PartnerNumber, UrlHash, WebAddress};
use crate::time::Timestamp;

/// A hash and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedUrl {
    /// Whose address it is.
    pub partner: PartnerNumber,
    /// What nobody can guess.
    pub hash: UrlHash,
    /// Where it leads.
    pub url: WebAddress,
    /// When it ceases to lead there.
    pub until: Timestamp,
}

impl HashedUrl {
    /// The name of what a hash stands for.
    pub fn key_of(hash: &UrlHash) -> GatewayKey {
        GatewayKey::of::<HashedUrl>().text(hash.as_str())
    }

    /// Whether it leads there still.
    pub fn leads(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

impl Kept for HashedUrl {
    fn key(&self) -> GatewayKey {
        HashedUrl::key_of(&self.hash)
    }
}

/// Takes a merchant's addresses down under their hashes, all of them until one time.
pub fn decide_hashes(
    partner: PartnerNumber,
    urls: Vec<(UrlHash, WebAddress)>,
    until: Timestamp,
) -> Record {
    let document = |(hash, url)| {
        Document::from(GatewayDocument::from(HashedUrl {
            partner,
            hash,
            url,
            until,
        }))
    };
    Record {
        by: Actor::Partner,
        kind: RecordKind::UrlsHashed,
        postings: Vec::new(),
        documents: urls.into_iter().map(document).collect(),
    }
}

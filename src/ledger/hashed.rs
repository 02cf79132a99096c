//! Hashed addresses: taken down for merchants, found for whoever follows one (paykassma-api.md,
//! `payment-plugin/hash-url`).

use super::partners::PartnerRow;
use super::{Ledger, Observed, Space, Unavailable};
use crate::engine::hashed::{HashedUrl, decide_hashes};
use crate::id::{Seq, UrlHash, WebAddress};
use crate::time::Span;

impl Ledger {
    /// Takes down a merchant's addresses under hashes that nobody can guess; they lead there for
    /// `life`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn hash_urls(
        &self,
        partner: &PartnerRow,
        urls: Vec<(UrlHash, WebAddress)>,
        life: Span,
    ) -> Result<Seq, Unavailable> {
        let permit = self.reserve();
        let keys: Vec<_> = urls
            .iter()
            .map(|(hash, _)| HashedUrl::key_of(hash))
            .collect();
        let mut gateway = self.gateway_with(|_| keys.clone())?;
        if self.space() < Space::Ample {
            return Err(Unavailable);
        }
        let permit = permit.ok_or(Unavailable)?;
        let until = self.sequencer.now().plus(life);
        let record = decide_hashes(partner.number, urls, until);
        let entry = self.take_gateway_down(permit, &mut gateway, record);
        Ok(entry.seq)
    }

    /// What a hash stands for; `None` where it stands for nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn hashed_url(&self, hash: &UrlHash) -> Result<Option<Observed<HashedUrl>>, Unavailable> {
        let key = HashedUrl::key_of(hash);
        let gateway = self.gateway_with(|_| vec![key.clone()])?;
        let found = gateway.of::<HashedUrl>(&key);
        Ok(found.map(|(url, row)| Observed {
            value: url.clone(),
            seq: row.changed,
        }))
    }
}

//! Partners: few, read with every request, changed seldom. Readers take no lock.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::engine::document::Partner;
use crate::id::{IdSpaceName, IdSpaceNumber, PartnerNumber, Seq, WalletToken};

/// A partner as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerRow {
    document: Partner,
    /// The entry that created or changed it last.
    pub changed: Seq,
}

impl PartnerRow {
    /// The partner as its last entry has it.
    pub(super) fn document(&self) -> &Partner {
        &self.document
    }
}

impl Deref for PartnerRow {
    type Target = Partner;

    fn deref(&self) -> &Partner {
        &self.document
    }
}

#[derive(Clone, Default)]
struct Rows {
    by_number: BTreeMap<PartnerNumber, Arc<PartnerRow>>,
    by_token: HashMap<WalletToken, Arc<PartnerRow>, ahash::RandomState>,
    by_api_key: HashMap<String, Arc<PartnerRow>, ahash::RandomState>,
}

/// All partners. A change makes a new set of rows; readers go on with theirs.
#[derive(Default)]
pub(super) struct Partners(ArcSwap<Rows>);

impl Partners {
    pub(super) fn by_token(&self, token: &str) -> Option<Arc<PartnerRow>> {
        self.0.load().by_token.get(token).cloned()
    }

    pub(super) fn by_api_key(&self, key: &str) -> Option<Arc<PartnerRow>> {
        self.0.load().by_api_key.get(key).cloned()
    }

    pub(super) fn by_number(&self, number: PartnerNumber) -> Option<Arc<PartnerRow>> {
        self.0.load().by_number.get(&number).cloned()
    }

    /// By number.
    pub(super) fn all(&self) -> Vec<Arc<PartnerRow>> {
        self.0.load().by_number.values().cloned().collect()
    }

    /// The number of the next partner.
    pub(super) fn next_number(&self) -> PartnerNumber {
        let last = self
            .0
            .load()
            .by_number
            .last_key_value()
            .map_or(0, |(number, _)| number.0);
        PartnerNumber(
            last.checked_add(1)
                .expect("there are fewer than 2^32 partners"),
        )
    }

    /// The id space of that name, or the next free number where no partner is in it yet.
    /// `default` is 0 (wallet-api.md, Money rules 1).
    pub(super) fn id_space(&self, name: &IdSpaceName) -> IdSpaceNumber {
        let rows = self.0.load();
        let partners = || rows.by_number.values();
        let known = partners()
            .find(|partner| partner.id_space_name == *name)
            .map(|partner| partner.id_space);
        let default = (name.as_str() == DEFAULT_ID_SPACE).then_some(IdSpaceNumber(0));
        let next = || {
            partners()
                .map(|partner| partner.id_space.0)
                .max()
                .unwrap_or(0)
                + 1
        };
        known.or(default).unwrap_or_else(|| IdSpaceNumber(next()))
    }

    /// Takes a partner in as it is from `seq` on. Callers exclude each other.
    pub(super) fn apply(&self, document: &Partner, seq: Seq) -> Arc<PartnerRow> {
        let row = Arc::new(PartnerRow {
            document: document.clone(),
            changed: seq,
        });
        let mut rows = Rows::clone(&self.0.load());
        rows.by_number.insert(row.number, Arc::clone(&row));
        rows.by_token
            .insert(row.wallet_token.clone(), Arc::clone(&row));
        rows.by_api_key
            .insert(row.secrets.api_key.clone(), Arc::clone(&row));
        self.0.store(Arc::new(rows));
        row
    }
}

/// The id space of partners that name none.
pub const DEFAULT_ID_SPACE: &str = "default";

//! What a loss of power does to changes that were not synced.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// The unit in which disks write: each lies there whole, old or new.
const SECTOR: usize = 512;

/// The unit in which a file takes room.
const BLOCK: usize = 4096;

/// Which changes that were not synced reach the disk when power is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// None.
    None,
    /// All.
    All,
    /// The first ones, up to some point.
    Prefix,
    /// The last ones, from some point on.
    Suffix,
    /// Any.
    Subset,
    /// Any, and of each any sectors.
    TornSectors,
    /// The first ones, the last of them up to any byte.
    TornByte,
}

impl Cut {
    /// Every kind.
    pub const ALL: [Cut; 7] = [
        Cut::None,
        Cut::All,
        Cut::Prefix,
        Cut::Suffix,
        Cut::Subset,
        Cut::TornSectors,
        Cut::TornByte,
    ];

    /// One of them by chance.
    pub fn any(rng: &mut impl Rng) -> Cut {
        *Cut::ALL.choose(rng).expect("there are kinds")
    }
}

/// A machine writes back by itself what nobody syncs; here the older half, once so much waits.
const WAITING_MAX: usize = 8_192;

/// One change of names, whole or not at all.
#[derive(Clone)]
pub(super) struct Naming {
    pub(super) removed: Option<String>,
    pub(super) named: Option<(String, usize)>,
}

/// A file's bytes.
#[derive(Default)]
pub(super) struct Content {
    /// As all see them.
    pub(super) bytes: Vec<u8>,
    /// As they lie on the disk.
    synced: Vec<u8>,
    waiting: Vec<Change>,
    /// Which blocks have a place on the disk: growing alone takes none.
    blocks: Vec<bool>,
    /// The handle that has the file locked.
    pub(super) locked_by: Option<u64>,
}

#[derive(Clone)]
struct Change {
    what: Alteration,
    /// Whether a sync that should have covered it has failed. A machine may then call its pages
    /// clean: no later sync writes them.
    forgotten: bool,
}

#[derive(Clone)]
pub(super) enum Alteration {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

/// The changes that reach the disk in their order, and of each whether it is the last.
pub(super) fn survivors<'a, T>(
    changes: &'a [T],
    cut: Cut,
    rng: &mut impl Rng,
) -> Vec<(&'a T, bool)> {
    let count = changes.len();
    let range = match cut {
        Cut::None => 0..0,
        Cut::All | Cut::Subset | Cut::TornSectors => 0..count,
        Cut::Prefix | Cut::TornByte => 0..rng.random_range(0..=count),
        Cut::Suffix => rng.random_range(0..=count)..count,
    };
    let end = range.end;
    let drawn = matches!(cut, Cut::Subset | Cut::TornSectors);
    range
        .filter(|_| !drawn || rng.random())
        .map(|place| (&changes[place], place + 1 == end))
        .collect()
}

impl Naming {
    /// The names that it is about.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        let named = self.named.iter().map(|(name, _)| name);
        self.removed.iter().chain(named)
    }

    pub(super) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        if let Some(removed) = &self.removed {
            names.remove(removed);
        }
        if let Some((name, content)) = &self.named {
            names.insert(name.clone(), *content);
        }
    }
}

impl Alteration {
    fn begins_below(&self, bytes: u64) -> bool {
        match self {
            Alteration::Write(from, _) | Alteration::SetLen(from) => *from < bytes,
        }
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Alteration::Write(offset, data) => put(bytes, to_usize(*offset), data),
            Alteration::SetLen(len) => bytes.resize(to_usize(*len), 0),
        }
    }

    /// What can still be seen of it when `later` has been made too.
    fn under(self, later: &Alteration) -> Vec<Alteration> {
        let Alteration::Write(from, mut data) = self else {
            return Vec::new();
        };
        let (start, end) = match later {
            Alteration::Write(start, data) => (*start, start + data.len() as u64),
            Alteration::SetLen(len) => (*len, u64::MAX),
        };
        let within = |at: u64| to_usize(at.saturating_sub(from)).min(data.len());
        let (before, after) = (within(start), within(end));
        let rest = data.split_off(after);
        data.truncate(before);
        let pieces = [(from, data), (end.max(from), rest)].into_iter();
        pieces
            .filter(|(_, data)| !data.is_empty())
            .map(|(from, data)| Alteration::Write(from, data))
            .collect()
    }

    /// As [`Alteration::apply`], but only those sectors of a write that chance keeps.
    fn apply_torn(&self, bytes: &mut Vec<u8>, rng: &mut impl Rng) {
        let Alteration::Write(offset, data) = self else {
            return self.apply(bytes);
        };
        let (mut offset, mut data) = (to_usize(*offset), data.as_slice());
        while !data.is_empty() {
            let (sector, rest) = data.split_at(data.len().min(SECTOR - offset % SECTOR));
            if rng.random() {
                put(bytes, offset, sector);
            }
            offset += sector.len();
            data = rest;
        }
    }

    /// As [`Alteration::apply`], but a write only up to some byte.
    fn apply_begun(&self, bytes: &mut Vec<u8>, rng: &mut impl Rng) {
        match self {
            Alteration::Write(offset, data) => {
                let len = rng.random_range(0..=data.len());
                put(bytes, to_usize(*offset), &data[..len]);
            }
            Alteration::SetLen(_) => self.apply(bytes),
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}

pub(super) fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("a simulated file fits into memory")
}

impl Content {
    /// Bytes that lie on the disk.
    pub(super) fn synced(bytes: Vec<u8>) -> Content {
        Content {
            synced: bytes.clone(),
            blocks: vec![true; bytes.len().div_ceil(BLOCK)],
            bytes,
            ..Content::default()
        }
    }

    /// Bytes that it takes on the disk.
    pub(super) fn taken(&self) -> u64 {
        let blocks = self.blocks.iter().filter(|&&taken| taken).count();
        (blocks * BLOCK) as u64
    }

    /// Takes a place for each of these bytes, where `free` bytes are enough for that; whether
    /// they were.
    pub(super) fn take(&mut self, offset: u64, len: u64, free: u64) -> bool {
        let blocks = to_usize(offset) / BLOCK..to_usize(offset + len).div_ceil(BLOCK);
        if self.blocks.len() < blocks.end {
            self.blocks.resize(blocks.end, false);
        }
        let blocks = &mut self.blocks[blocks];
        let wanted = blocks.iter().filter(|&&taken| !taken).count();
        if (wanted * BLOCK) as u64 > free {
            return false;
        }
        blocks.fill(true);
        true
    }

    /// A sync has failed: what waits is never written, unless by chance.
    pub(super) fn forget(&mut self) {
        for change in &mut self.waiting {
            change.forgotten = true;
        }
    }

    /// Of the first `bytes` all see what lies on the disk; what is forgotten was never there.
    pub(super) fn drop_forgotten(&mut self, bytes: u64) {
        (self.waiting).retain(|change| !change.forgotten || !change.what.begins_below(bytes));
        self.bytes.clone_from(&self.synced);
        for change in &self.waiting {
            change.what.apply(&mut self.bytes);
        }
    }

    /// The bytes that a loss of power leaves.
    pub(super) fn after(&self, cut: Cut, rng: &mut impl Rng) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (change, last) in survivors(&self.waiting, cut, rng) {
            match cut {
                Cut::TornSectors => change.what.apply_torn(&mut bytes, rng),
                Cut::TornByte if last => change.what.apply_begun(&mut bytes, rng),
                _ => change.what.apply(&mut bytes),
            }
        }
        bytes
    }

    pub(super) fn alter(&mut self, what: Alteration) {
        if let Alteration::SetLen(len) = what {
            self.blocks.truncate(to_usize(len).div_ceil(BLOCK));
        }
        what.apply(&mut self.bytes);
        self.waiting.push(Change {
            what,
            forgotten: false,
        });
        if self.waiting.len() > WAITING_MAX {
            for change in self.waiting.drain(..WAITING_MAX / 2) {
                change.what.apply(&mut self.synced);
            }
        }
    }

    pub(super) fn sync(&mut self) {
        let waits = |change: &mut Change| !change.forgotten;
        let written: Vec<Change> = self.waiting.extract_if(.., waits).collect();
        for change in &written {
            change.what.apply(&mut self.synced);
            // What is forgotten was written before.
            let forgotten = self
                .waiting
                .drain(..)
                .flat_map(|old| old.what.under(&change.what));
            let forgotten = forgotten.map(|what| Change {
                what,
                forgotten: true,
            });
            self.waiting = forgotten.collect();
        }
        if !written.is_empty() {
            // With what is written its place in the file is.
            self.synced.resize(self.bytes.len(), 0);
        }
    }
}

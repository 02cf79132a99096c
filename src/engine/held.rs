//! Rows in memory, in two generations: what was touched since the last turn, and what was touched
//! in the time before.
//!
//! A turn costs the same however many rows there are: the current generation becomes the previous
//! one and is read-only from then on, so that whoever writes it down elsewhere needs no lock. Who
//! changes a row of the previous generation changes a copy in the current one. What nobody touches
//! over two turns is gone from memory.

use std::any::Any;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// What was forgotten, to be dropped where it holds nobody up.
pub type Bin = Vec<Arc<dyn Any + Send + Sync>>;

/// One generation: each row, and whether it was changed in it or merely seen.
#[derive(Debug)]
pub struct Generation<K, V> {
    rows: HashMap<K, Row<V>, ahash::RandomState>,
}

#[derive(Clone, Debug)]
struct Row<V> {
    value: V,
    changed: bool,
}

/// The rows of one kind.
#[derive(Debug)]
pub struct Held<K, V> {
    current: Generation<K, V>,
    previous: Arc<Generation<K, V>>,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Generation<K, V> {
        let rows = HashMap::default();
        Generation { rows }
    }
}

impl<K, V> Default for Held<K, V> {
    fn default() -> Held<K, V> {
        Held {
            current: Generation::default(),
            previous: Arc::default(),
        }
    }
}

impl<K, V> Generation<K, V> {
    /// The rows that were changed, in no order.
    pub fn changed(&self) -> impl Iterator<Item = (&K, &V)> {
        let rows = self.rows.iter().filter(|(_, row)| row.changed);
        rows.map(|(key, row)| (key, &row.value))
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Held<K, V> {
    /// The row as it is now; `None` where it is not in memory.
    pub fn row<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let current = self.current.rows.get(key);
        let row = current.or_else(|| self.previous.rows.get(key));
        row.map(|row| &row.value)
    }

    /// All rows in memory, in no order but that the newer of two comes last.
    pub fn rows(&self) -> impl Iterator<Item = (&K, &V)> {
        let rows = self.previous.rows.iter().chain(&self.current.rows);
        rows.map(|(key, row)| (key, &row.value))
    }

    /// The row to be changed; `None` where it is not in memory.
    pub fn change(&mut self, key: &K) -> Option<&mut V> {
        // Looked up twice where it is there, since a borrow that is returned lasts to the end.
        if !self.current.rows.contains_key(key) {
            let row = self.previous.rows.get(key)?.clone();
            self.current.rows.insert(key.clone(), row);
        }
        let row = self.current.rows.get_mut(key)?;
        row.changed = true;
        Some(&mut row.value)
    }

    /// Sets a row, which may be new.
    pub fn put(&mut self, key: K, value: V) {
        let changed = true;
        self.current.rows.insert(key, Row { value, changed });
    }

    /// Takes in a row as it lies elsewhere; what is in memory already is newer and stays.
    pub fn load(&mut self, key: K, value: V) {
        if !self.previous.rows.contains_key(&key) {
            let changed = false;
            let entry = self.current.rows.entry(key);
            entry.or_insert(Row { value, changed });
        }
    }

    /// The row as it is now, which is then kept beyond the next turn; `None` where it is not in
    /// memory.
    pub fn keep<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if !self.current.rows.contains_key(key) {
            let (key, row) = self.previous.rows.get_key_value(key)?;
            let (value, changed) = (row.value.clone(), false);
            self.current
                .rows
                .insert(key.clone(), Row { value, changed });
        }
        self.current.rows.get(key).map(|row| &row.value)
    }

    /// Begins a new generation; the one that is over. The one before is forgotten: whoever calls
    /// has made sure that all its changed rows lie elsewhere.
    pub fn turn(&mut self, bin: &mut Bin) -> Arc<Generation<K, V>>
    where
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        let over = Arc::new(std::mem::take(&mut self.current));
        let forgotten = std::mem::replace(&mut self.previous, Arc::clone(&over));
        bin.push(forgotten);
        over
    }

    /// Forgets the rows of the current generation that were merely seen: they lie elsewhere as
    /// they are, or in the generation before.
    pub fn shed(&mut self) {
        self.current.rows.retain(|_, row| row.changed);
        self.current.rows.shrink_to_fit();
    }

    /// Bytes that the current generation's table takes, with its empty places, of which there are
    /// many after it has grown. What the rows refer to comes on top.
    pub fn table_bytes(&self) -> u64 {
        // A table is filled up to seven eighths, and has a byte beside each place.
        let places = self.current.rows.capacity().div_ceil(7) * 8;
        (places * (size_of::<(K, Row<V>)>() + 1)) as u64
    }

    /// How many rows the current generation has.
    pub fn len(&self) -> usize {
        self.current.rows.len()
    }

    /// Whether the current generation has none.
    pub fn is_empty(&self) -> bool {
        self.current.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(generation: &Generation<u8, u8>) -> Vec<(u8, u8)> {
        let mut rows: Vec<_> = generation.changed().map(|(k, v)| (*k, *v)).collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn a_change_after_a_turn_leaves_the_generation_before_as_it_was() {
        let mut held = Held::default();
        held.put(1, 10);
        held.load(2, 20);
        let first = held.turn(&mut Vec::new());
        *held.change(&1).unwrap() = 11;
        *held.change(&2).unwrap() = 21;
        assert_eq!((held.row(&1), held.row(&2)), (Some(&11), Some(&21)));
        assert_eq!(
            changed(&first),
            [(1, 10)],
            "what was only seen is not written"
        );
        let second = held.turn(&mut Vec::new());
        assert_eq!(changed(&first), [(1, 10)]);
        assert_eq!(changed(&second), [(1, 11), (2, 21)]);
    }

    #[test]
    fn what_nobody_touches_over_two_turns_is_forgotten() {
        let mut held: Held<u8, u8> = Held::default();
        held.put(1, 10);
        held.put(2, 20);
        held.turn(&mut Vec::new());
        held.keep(&1);
        held.load(2, 99);
        assert_eq!(held.row(&2), Some(&20), "what is in memory is newer");
        held.turn(&mut Vec::new());
        assert_eq!((held.row(&1), held.row(&2)), (Some(&10), None));
        assert_eq!(held.change(&2), None);
        let over = held.turn(&mut Vec::new());
        assert_eq!(changed(&over), [], "what was kept was not changed");
    }

    #[test]
    fn what_was_merely_seen_can_be_shed_and_what_was_changed_stays() {
        let mut held: Held<u8, u8> = Held::default();
        held.put(1, 10);
        held.put(2, 20);
        held.turn(&mut Vec::new());
        held.keep(&1);
        *held.change(&2).unwrap() = 21;
        held.load(3, 30);
        held.put(4, 40);
        assert_eq!(held.len(), 4);
        let many = (100..200).map(|key| (key, 0));
        many.for_each(|(key, value)| held.load(key, value));
        let full = held.table_bytes();
        held.shed();
        assert_eq!(held.len(), 2);
        assert!(held.table_bytes() * 10 < full, "its places are given back");
        let rows = [1, 2, 3, 4].map(|key| held.row(&key).copied());
        assert_eq!(rows, [Some(10), Some(21), None, Some(40)]);
    }
}
